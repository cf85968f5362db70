-- What a user has used, and how much.
create table usage_metrics (
    id           bigserial primary key,
    user_id      varchar(36) not null references users (id) on delete cascade,
    metric_type  varchar(50) not null,
    metric_value double precision default 1.0,
    extra_data   json,
    created_at   timestamptz not null default now()
);

create index idx_usage_metrics_type on usage_metrics (metric_type);
create index idx_usage_metrics_created on usage_metrics (created_at);
-- Serves lookups by user alone, too.
create index idx_usage_metrics_user_type on usage_metrics (user_id, metric_type);
