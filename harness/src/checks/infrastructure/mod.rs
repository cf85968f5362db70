//! Features 1 to 63: storage, gateway, observability, resilience, deployment, security baseline.

mod away;
mod composed_system;
mod cpu_load;
mod dearest_operation;
mod executions;
mod f001_compose;
mod f002_database_schema;
mod f003_sessions;
mod f004_cache;
mod f005_pub_sub;
mod f006_object_store;
mod f007_gateway_routes;
mod f008_jwt_on_protected_routes;
mod f009_rate_limit_per_user;
mod f010_rate_limit_per_address;
mod f011_health_checks;
mod f012_correlation_id;
mod f013_environments;
mod f014_migrations;
mod f015_database_pool;
mod f016_redis_pool;
mod f017_circuit_breaker;
mod f018_graceful_shutdown;
mod f019_prometheus_metrics;
mod f020_kubernetes;
mod f021_password_hashing;
mod f022_canvas_jsonb;
mod f023_version_numbers;
mod f024_foreign_keys;
mod f025_indexes;
mod f026_trigram_search;
mod f027_lifecycle;
mod f028_presigned_urls;
mod f029_bucket_policies;
mod f030_compose_network;
mod f031_named_volumes;
mod f032_env_file;
mod f033_cors;
mod f034_request_timeout;
mod f035_retry;
mod f036_idempotency;
mod f037_json_log;
mod f038_log_levels;
mod f039_error_tracking;
mod f040_request_durations;
mod f041_slow_queries;
mod f042_memory_usage;
mod f043_cpu_usage;
mod f044_network_sizes;
mod f045_disk_usage;
mod f046_dependency_map;
mod f047_alerts;
mod f048_database_backup;
mod f049_bucket_backup;
mod f050_disaster_recovery;
mod indexes;
mod log_line;
mod manifest_references;
mod manifest_trial;
mod manifests;
mod memory_course;
mod quantity;
mod query_details;
mod query_plan;
mod service_metrics;
mod stack_trace;
mod stored_value;
mod twelve_tables;
mod whole_database;

use crate::check::Check;

/// The checks of this area, in catalogue order.
pub const CHECKS: &[&Check] = &[
    &f001_compose::CHECK,
    &f002_database_schema::CHECK,
    &f003_sessions::CHECK,
    &f004_cache::CHECK,
    &f005_pub_sub::CHECK,
    &f006_object_store::CHECK,
    &f007_gateway_routes::CHECK,
    &f008_jwt_on_protected_routes::CHECK,
    &f009_rate_limit_per_user::CHECK,
    &f010_rate_limit_per_address::CHECK,
    &f011_health_checks::CHECK,
    &f012_correlation_id::CHECK,
    &f013_environments::CHECK,
    &f014_migrations::CHECK,
    &f015_database_pool::CHECK,
    &f016_redis_pool::CHECK,
    &f017_circuit_breaker::CHECK,
    &f018_graceful_shutdown::CHECK,
    &f019_prometheus_metrics::CHECK,
    &f020_kubernetes::CHECK,
    &f021_password_hashing::CHECK,
    &f022_canvas_jsonb::CHECK,
    &f023_version_numbers::CHECK,
    &f024_foreign_keys::CHECK,
    &f025_indexes::CHECK,
    &f026_trigram_search::CHECK,
    &f027_lifecycle::CHECK,
    &f028_presigned_urls::CHECK,
    &f029_bucket_policies::CHECK,
    &f030_compose_network::CHECK,
    &f031_named_volumes::CHECK,
    &f032_env_file::CHECK,
    &f033_cors::CHECK,
    &f034_request_timeout::CHECK,
    &f035_retry::CHECK,
    &f036_idempotency::CHECK,
    &f037_json_log::CHECK,
    &f038_log_levels::CHECK,
    &f039_error_tracking::CHECK,
    &f040_request_durations::CHECK,
    &f041_slow_queries::CHECK,
    &f042_memory_usage::CHECK,
    &f043_cpu_usage::CHECK,
    &f044_network_sizes::CHECK,
    &f045_disk_usage::CHECK,
    &f046_dependency_map::CHECK,
    &f047_alerts::CHECK,
    &f048_database_backup::CHECK,
    &f049_bucket_backup::CHECK,
    &f050_disaster_recovery::CHECK,
];
