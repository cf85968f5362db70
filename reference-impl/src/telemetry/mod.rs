//! What an operator sees of a service: log lines, metrics, and the id that ties the lines of a request together.

pub mod calls;
pub mod correlation_id;
pub mod cpu_time;
pub mod error_tracker;
pub mod json_log;
pub mod metrics;
pub mod panics;
pub mod plain_line;
pub mod prometheus_text;
pub mod query_tally;
pub mod request_context;
pub mod stack_trace;
pub mod units;
