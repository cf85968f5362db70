-- Who did what. An entry outlives the user it is about.
create table audit_log (
    id            bigserial primary key,
    user_id       varchar(36) references users (id) on delete set null,
    action        varchar(100) not null,
    resource_type varchar(50),
    resource_id   varchar(36),
    ip_address    varchar(45),
    user_agent    varchar(512),
    extra_data    json,
    created_at    timestamptz not null default now()
);

create index idx_audit_log_user on audit_log (user_id);
create index idx_audit_log_action on audit_log (action);
create index idx_audit_log_created on audit_log (created_at);
create index idx_audit_log_resource on audit_log (resource_type, resource_id);
