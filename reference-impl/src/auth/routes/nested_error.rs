//! `GET /test/nested-error`: a fault three calls down, whose trace names all three (feature 39).

use std::backtrace::Backtrace;

use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tracing::error;

use crate::auth::Auth;
use crate::error::ApiError;
use crate::telemetry::{correlation_id, stack_trace};

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/test/nested-error", get(nested_error))
}

#[derive(Serialize)]
struct Logged {
    message: &'static str,
    correlation_id: Option<String>,
    error_type: &'static str,
    stack_depth: u8,
}

/// A fault that remembers where it happened.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a number")]
struct NotANumber {
    text: String,
    /// Boxed, or the derive would offer it to callers by an unstable feature.
    trace: Box<Backtrace>,
}

const KIND: &str = "NotANumber";

async fn nested_error() -> Result<Json<Logged>, ApiError> {
    if let Err(fault) = level_1("forty-two") {
        let error_message = fault.to_string();
        error!(
            depth = 3,
            function_chain = "level_1 -> level_2 -> level_3",
            error_type = KIND,
            error_message,
            stack_trace = stack_trace::text(&fault.trace, KIND, &error_message),
            "Nested call failed"
        );
    }
    Ok(Json(Logged {
        message: "Nested fault caught and logged",
        correlation_id: correlation_id::current(),
        error_type: KIND,
        stack_depth: 3,
    }))
}

// Kept apart for the compiler too, so that each has a frame of its own.
#[inline(never)]
fn level_1(text: &str) -> Result<i64, NotANumber> {
    level_2(text).map(|number| number + 1)
}

#[inline(never)]
fn level_2(text: &str) -> Result<i64, NotANumber> {
    level_3(text).map(|number| number * 2)
}

#[inline(never)]
fn level_3(text: &str) -> Result<i64, NotANumber> {
    text.parse().map_err(|_| NotANumber { text: text.to_owned(), trace: Box::new(Backtrace::force_capture()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_names_all_three() {
        let fault = level_1("x").unwrap_err();
        let trace = stack_trace::text(&fault.trace, KIND, "");
        for function in ["level_1", "level_2", "level_3"] {
            assert!(trace.contains(function), "{function} is missing in {trace}");
        }
    }
}
