-- People who sign in. Other tables hang on them.
create table users (
    id            varchar(36) primary key default gen_random_uuid()::text,
    email         varchar(255) not null,
    password_hash varchar(255) not null,
    full_name     varchar(255),
    avatar_url    varchar(512),
    is_active     boolean not null default true,
    is_verified   boolean not null default false,
    role          varchar(50) not null default 'user',
    sso_provider  varchar(50),
    sso_id        varchar(255),
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    last_login_at timestamptz
);

-- An address signs in one person.
create unique index ix_users_email on users (email);
create index idx_users_sso on users (sso_provider, sso_id);
