-- People named in a comment.
create table mentions (
    id         varchar(36) primary key default gen_random_uuid()::text,
    comment_id varchar(36) not null references comments (id) on delete cascade,
    user_id    varchar(36) not null references users (id) on delete cascade,
    is_read    boolean default false,
    read_at    timestamptz,
    created_at timestamptz not null default now()
);

create index idx_mentions_comment on mentions (comment_id);
-- Serves lookups by user alone, too.
create index idx_mentions_unread on mentions (user_id, is_read);
