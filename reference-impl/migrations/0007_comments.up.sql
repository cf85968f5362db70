-- Remarks on a file, in threads; an answer goes with what it answers.
create table comments (
    id          varchar(36) primary key default gen_random_uuid()::text,
    file_id     varchar(36) not null references files (id) on delete cascade,
    user_id     varchar(36) not null references users (id) on delete cascade,
    parent_id   varchar(36) references comments (id) on delete cascade,
    content     text not null,
    position_x  double precision,
    position_y  double precision,
    element_id  varchar(255),
    is_resolved boolean default false,
    resolved_at timestamptz,
    resolved_by varchar(36) references users (id) on delete set null,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
);

create index idx_comments_file on comments (file_id);
create index idx_comments_user on comments (user_id);
create index idx_comments_parent on comments (parent_id);
