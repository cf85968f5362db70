-- Trigrams find a title although a word of the search is misspelt.
create extension if not exists pg_trgm;
