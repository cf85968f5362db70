-- The extension stays if another schema of the same database has come to need it.
drop extension if exists pg_trgm restrict;
