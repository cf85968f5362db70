-- Diagrams and notes. A file outlives its folder and its team. An owner cannot go while there are files of theirs:
-- what somebody drew is never lost by accident, it is deleted or handed on first.
create table files (
    id               varchar(36) primary key default gen_random_uuid()::text,
    title            varchar(255) not null,
    owner_id         varchar(36) not null references users (id) on delete no action,
    team_id          varchar(36) references teams (id) on delete set null,
    folder_id        varchar(36) references folders (id) on delete set null,
    file_type        varchar(50) not null default 'canvas',
    canvas_data      jsonb,
    note_content     text,
    thumbnail_url    varchar(512),
    is_starred       boolean default false,
    is_deleted       boolean default false,
    deleted_at       timestamptz,
    view_count       integer default 0,
    current_version  integer default 1,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    last_accessed_at timestamptz
);

create index idx_files_owner on files (owner_id);
create index idx_files_team on files (team_id);
create index idx_files_folder on files (folder_id);
create index idx_files_deleted on files (is_deleted);
-- Lists show what is not deleted; this index holds nothing else.
create index idx_files_live on files (owner_id) where not is_deleted;
create index idx_files_title on files (title);
-- Misspelt words find their title by the trigrams they share with it.
create index idx_files_title_trgm on files using gin (title gin_trgm_ops);
-- Answers containment (@>) and key existence (?) inside of a canvas.
create index idx_files_canvas_data_gin on files using gin (canvas_data);
