//! The layers around a router, one to a file. Back ends get theirs in [`crate::startup`]; the gateway orders its own.

pub mod body_limit;
pub mod caller_name;
pub mod circuit_breaker;
pub mod cors;
pub mod deadline;
pub mod idempotency;
pub mod network;
pub mod operation_cost;
pub mod rate_limit;
pub mod request_log;
pub mod request_metrics;
pub mod shutdown;
pub mod signed_in;
