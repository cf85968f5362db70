//! A panic is told in the log like any other fault, not as loose text between its lines.

use std::backtrace::Backtrace;

use tracing::error;

use super::stack_trace;

const KIND: &str = "Panic";

/// From now on panics of this process are log lines.
pub fn log_them() {
    std::panic::set_hook(Box::new(|panic| {
        let trace = Backtrace::force_capture();
        let error_message = panic.payload_as_str().unwrap_or("it left no words");
        let place = panic.location().map(ToString::to_string);
        let stack_trace = stack_trace::text(&trace, KIND, error_message);
        error!(error_type = KIND, error_message, place, stack_trace, "Panicked");
    }));
}
