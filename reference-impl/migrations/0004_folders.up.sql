-- Folders form a tree; a folder takes those inside it along.
create table folders (
    id         varchar(36) primary key default gen_random_uuid()::text,
    name       varchar(255) not null,
    owner_id   varchar(36) not null references users (id) on delete cascade,
    parent_id  varchar(36) references folders (id) on delete cascade,
    color      varchar(7),
    icon       varchar(50),
    position   integer default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create index idx_folders_owner on folders (owner_id);
create index idx_folders_parent on folders (parent_id);
