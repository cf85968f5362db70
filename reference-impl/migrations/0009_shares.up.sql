-- Links by which a file is shown to others. A link outlives the one who made it.
create table shares (
    id               varchar(36) primary key default gen_random_uuid()::text,
    file_id          varchar(36) not null references files (id) on delete cascade,
    token            varchar(255) not null,
    permission       varchar(20) not null default 'view',
    is_public        boolean default true,
    password_hash    varchar(255),
    expires_at       timestamptz,
    view_count       integer default 0,
    last_accessed_at timestamptz,
    created_at       timestamptz not null default now(),
    created_by       varchar(36) references users (id) on delete set null
);

create unique index ix_shares_token on shares (token);
create index idx_shares_file on shares (file_id);
