-- What a file looked like each time it was saved.
create table versions (
    id             varchar(36) primary key default gen_random_uuid()::text,
    file_id        varchar(36) not null references files (id) on delete cascade,
    version_number integer not null,
    canvas_data    jsonb,
    note_content   text,
    description    varchar(500),
    label          varchar(100),
    thumbnail_url  varchar(512),
    created_by     varchar(36) references users (id) on delete set null,
    created_at     timestamptz not null default now()
);

-- Two writers can never give a file the same number twice. It serves lookups by file alone, too.
create unique index idx_versions_number on versions (file_id, version_number);
create index idx_versions_canvas_data_gin on versions using gin (canvas_data);
