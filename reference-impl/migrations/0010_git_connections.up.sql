-- Repositories a user has connected.
create table git_connections (
    id               varchar(36) primary key default gen_random_uuid()::text,
    user_id          varchar(36) not null references users (id) on delete cascade,
    provider         varchar(50) not null,
    repository_url   varchar(512) not null,
    repository_name  varchar(255),
    branch           varchar(255) default 'main',
    access_token     varchar(512),
    refresh_token    varchar(512),
    auto_sync        boolean default false,
    sync_frequency   varchar(20) default 'manual',
    file_path        varchar(512),
    last_sync_at     timestamptz,
    last_sync_status varchar(50),
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now()
);

create index idx_git_connections_user on git_connections (user_id);
create index idx_git_connections_provider on git_connections (provider);
