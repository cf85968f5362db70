//! Features 1 to 63: storage, gateway, observability, resilience, deployment, security baseline.

mod f002_database_schema;
mod f003_sessions;
mod f008_jwt_on_protected_routes;
mod f009_rate_limit_per_user;
mod f011_health_checks;
mod f017_circuit_breaker;
mod f019_prometheus_metrics;
mod f020_kubernetes;
mod f034_request_timeout;
mod f036_idempotency;
mod f041_slow_queries;
mod f042_memory_usage;
mod manifest_references;
mod manifests;
mod quantity;
mod twelve_tables;

use crate::check::Check;

/// The checks of this area, in catalogue order.
pub const CHECKS: &[&Check] = &[
    &f002_database_schema::CHECK,
    &f003_sessions::CHECK,
    &f008_jwt_on_protected_routes::CHECK,
    &f009_rate_limit_per_user::CHECK,
    &f011_health_checks::CHECK,
    &f017_circuit_breaker::CHECK,
    &f019_prometheus_metrics::CHECK,
    &f020_kubernetes::CHECK,
    &f034_request_timeout::CHECK,
    &f036_idempotency::CHECK,
    &f041_slow_queries::CHECK,
    &f042_memory_usage::CHECK,
];
