-- A search looks into notes as well; without this index it would read every note that there is.
create index idx_files_note_content_trgm on files using gin (note_content gin_trgm_ops);
