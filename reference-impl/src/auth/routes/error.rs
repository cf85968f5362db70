//! `GET /test/error`: two faults that are caught and logged with their context (feature 39).

use std::backtrace::Backtrace;

use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tracing::{error, info};

use crate::auth::Auth;
use crate::error::ApiError;
use crate::parse::QueryOf;
use crate::telemetry::{correlation_id, stack_trace};

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/test/error", get(error))
}

#[derive(Deserialize)]
struct Asked {
    user_id: Option<String>,
    file_id: Option<String>,
}

#[derive(Serialize)]
struct Logged {
    message: &'static str,
    correlation_id: Option<String>,
    user_id: String,
    file_id: String,
    error_type: &'static str,
    error_message: String,
}

/// What can go wrong with two small sums.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0} cannot be divided by zero")]
    DivisionByZero(i64),
    #[error("there is no item {index} in a list of {length}")]
    IndexOutOfRange { index: usize, length: usize },
}

impl Fault {
    fn kind(&self) -> &'static str {
        match self {
            Fault::DivisionByZero(_) => "DivisionByZero",
            Fault::IndexOutOfRange { .. } => "IndexOutOfRange",
        }
    }
}

async fn error(QueryOf(asked): QueryOf<Asked>) -> Result<Json<Logged>, ApiError> {
    let user_id = asked.user_id.unwrap_or_else(|| "test-user-123".to_owned());
    let file_id = asked.file_id.unwrap_or_else(|| "test-file-456".to_owned());
    info!(user_id, file_id, "Error probe begins");
    let (division, trace) = divide(10, 0);
    error!(
        user_id,
        file_id,
        operation = "test_division",
        request_path = "/test/error",
        error_type = division.kind(),
        error_message = %division,
        stack_trace = stack_trace::text(&trace, division.kind(), &division.to_string()),
        "Division failed"
    );
    let (lookup, trace) = item(&[1, 2, 3], 10);
    error!(
        user_id,
        file_id,
        error_type = lookup.kind(),
        error_message = %lookup,
        stack_trace = stack_trace::text(&trace, lookup.kind(), &lookup.to_string()),
        "Lookup failed"
    );
    Ok(Json(Logged {
        message: "Faults caught and logged",
        correlation_id: correlation_id::current(),
        user_id,
        file_id,
        error_type: division.kind(),
        error_message: division.to_string(),
    }))
}

#[inline(never)]
fn divide(dividend: i64, divisor: i64) -> (Fault, Backtrace) {
    debug_assert!(dividend.checked_div(divisor).is_none());
    (Fault::DivisionByZero(dividend), Backtrace::force_capture())
}

#[inline(never)]
fn item(list: &[i64], index: usize) -> (Fault, Backtrace) {
    let length = list.len();
    let fault = Fault::IndexOutOfRange { index, length };
    (fault, Backtrace::force_capture())
}
