//! Features 1 to 63: storage, gateway, observability, resilience, deployment, security baseline.

mod f002_database_schema;
mod f003_sessions;
mod f008_jwt_on_protected_routes;
mod f009_rate_limit_per_user;
mod f011_health_checks;
mod f014_migrations;
mod f015_database_pool;
mod f016_redis_pool;
mod f017_circuit_breaker;
mod f018_graceful_shutdown;
mod f019_prometheus_metrics;
mod f033_cors;
mod f034_request_timeout;
mod f035_retry;
mod f036_idempotency;
mod f041_slow_queries;
mod f042_memory_usage;
mod twelve_tables;

use crate::check::Check;

/// The checks of this area, in catalogue order.
pub const CHECKS: &[&Check] = &[
    &f002_database_schema::CHECK,
    &f003_sessions::CHECK,
    &f008_jwt_on_protected_routes::CHECK,
    &f009_rate_limit_per_user::CHECK,
    &f011_health_checks::CHECK,
    &f014_migrations::CHECK,
    &f015_database_pool::CHECK,
    &f016_redis_pool::CHECK,
    &f017_circuit_breaker::CHECK,
    &f018_graceful_shutdown::CHECK,
    &f019_prometheus_metrics::CHECK,
    &f033_cors::CHECK,
    &f034_request_timeout::CHECK,
    &f035_retry::CHECK,
    &f036_idempotency::CHECK,
    &f041_slow_queries::CHECK,
    &f042_memory_usage::CHECK,
];
