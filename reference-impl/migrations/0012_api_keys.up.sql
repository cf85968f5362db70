-- Keys for programs. Only the hash is kept.
create table api_keys (
    id           varchar(36) primary key default gen_random_uuid()::text,
    user_id      varchar(36) not null references users (id) on delete cascade,
    name         varchar(255) not null,
    key_hash     varchar(255) not null,
    key_prefix   varchar(10),
    scopes       json default '[]',
    is_active    boolean default true,
    last_used_at timestamptz,
    expires_at   timestamptz,
    created_at   timestamptz not null default now()
);

create unique index ix_api_keys_key_hash on api_keys (key_hash);
create index idx_api_keys_user on api_keys (user_id);
