-- Groups that share files. A team goes with its owner.
create table teams (
    id            varchar(36) primary key default gen_random_uuid()::text,
    name          varchar(255) not null,
    slug          varchar(255) not null,
    owner_id      varchar(36) not null references users (id) on delete cascade,
    plan          varchar(50) not null default 'free',
    max_members   integer default 5,
    settings      json default '{}',
    logo_url      varchar(512),
    custom_domain varchar(255),
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now()
);

-- The slug is part of a team's address, so it is unique.
create unique index ix_teams_slug on teams (slug);
create index idx_teams_owner on teams (owner_id);
