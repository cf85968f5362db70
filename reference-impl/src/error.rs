//! One error for all services, and the answer a caller gets for it.

use std::backtrace::Backtrace;

use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use sqlx::error::DatabaseError;
use tracing::error;

use crate::telemetry::stack_trace;

/// Why a request was not answered as its caller had hoped.
///
/// What the caller can mend is told; what we must mend is logged, and the caller learns no more than that it happened.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// 400.
    #[error("{0}")]
    BadRequest(String),
    /// 401.
    #[error("{0}")]
    Unauthorized(String),
    /// 401 with the challenge for a bearer token.
    #[error("{0}")]
    BearerRequired(String),
    /// 403.
    #[error("{0}")]
    Forbidden(String),
    /// 404.
    #[error("{0}")]
    NotFound(String),
    /// 405.
    #[error("Method Not Allowed")]
    MethodNotAllowed,
    /// 409.
    #[error("{0}")]
    Conflict(String),
    /// 413.
    #[error("the body is too large")]
    TooLarge,
    /// 422.
    #[error("{} does not fit: {}", .0.loc.join("."), .0.msg)]
    Invalid(Problem),
    /// 503 while the service goes down.
    #[error("the service is shutting down, try again shortly")]
    ShuttingDown,
    /// 503 for a store that is away.
    #[error("the database is not available, try again shortly")]
    DatabaseAway {
        /// What the driver said.
        source: sqlx::Error,
        /// Where it was asked.
        trace: Box<Backtrace>,
    },
    /// 503 for an object store that is away.
    #[error("the object store is not available, try again shortly")]
    StoreAway {
        /// What the client said.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// Where it was asked.
        trace: Box<Backtrace>,
    },
    /// 500 from the store.
    #[error("the database refused: {source}")]
    Database {
        /// What it said.
        source: sqlx::Error,
        /// Where it was asked.
        trace: Box<Backtrace>,
    },
    /// 500 from anything else.
    #[error("{doing} failed: {source}")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// Where.
        trace: Box<Backtrace>,
    },
}

/// An error and what caused it, in one line.
pub fn whole_story(error: &(dyn std::error::Error + 'static)) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        story = format!("{story}: {error}");
        cause = error.source();
    }
    story
}

/// What does not fit in a request. It never repeats the value, which may be a password.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// Kind of problem, one word.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where: `body` or `query`, then the field.
    pub loc: Vec<String>,
    /// What was expected.
    pub msg: String,
}

impl ApiError {
    /// A 422 about the field at `loc`.
    pub fn invalid(kind: &'static str, loc: &[&str], msg: impl Into<String>) -> ApiError {
        ApiError::Invalid(Problem { kind, loc: loc.iter().map(|part| (*part).to_owned()).collect(), msg: msg.into() })
    }

    /// The object store is away.
    pub fn store_away(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ApiError {
        ApiError::StoreAway { source: source.into(), trace: Box::new(Backtrace::force_capture()) }
    }

    /// A fault of ours while `doing` something.
    pub fn internal(doing: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ApiError {
        ApiError::Internal { doing, source: source.into(), trace: Box::new(Backtrace::force_capture()) }
    }

    fn status(&self) -> StatusCode {
        match self {
            ApiError::BadRequest(_) => StatusCode::BAD_REQUEST,
            ApiError::Unauthorized(_) | ApiError::BearerRequired(_) => StatusCode::UNAUTHORIZED,
            ApiError::Forbidden(_) => StatusCode::FORBIDDEN,
            ApiError::NotFound(_) => StatusCode::NOT_FOUND,
            ApiError::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::Conflict(_) => StatusCode::CONFLICT,
            ApiError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            ApiError::ShuttingDown | ApiError::DatabaseAway { .. } | ApiError::StoreAway { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ApiError::Database { .. } | ApiError::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            ApiError::DatabaseAway { .. } => "DatabaseAway",
            ApiError::StoreAway { .. } => "StoreAway",
            ApiError::Database { .. } => "DatabaseError",
            _ => "InternalError",
        }
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> ApiError {
        let trace = || Box::new(Backtrace::force_capture());
        match error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                ApiError::DatabaseAway { source: error, trace: trace() }
            }
            sqlx::Error::Database(refusal) if is_about_a_value(&*refusal) => ApiError::invalid(
                "value_invalid",
                &["body"],
                "a value is too long, out of range, or holds a character that cannot be stored",
            ),
            other => ApiError::Database { source: other, trace: trace() },
        }
    }
}

/// Class 22 of the database's codes: the statement is right, a value in it is not.
fn is_about_a_value(refusal: &dyn DatabaseError) -> bool {
    refusal.code().is_some_and(|code| code.starts_with("22"))
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let detail = match &self {
            ApiError::Invalid(problem) => json!([problem]),
            ApiError::Database { .. } | ApiError::Internal { .. } => json!("internal error"),
            ApiError::DatabaseAway { .. } => json!("the database is not available, try again shortly"),
            told => json!(told.to_string()),
        };
        if status.is_server_error() && !matches!(self, ApiError::ShuttingDown) {
            self.log();
        }
        let mut response = (status, Json(json!({ "detail": detail }))).into_response();
        if matches!(self, ApiError::BearerRequired(_)) {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl ApiError {
    /// The whole story of a fault of ours, for those who mend it.
    fn log(&self) {
        let (error_message, trace) = match self {
            ApiError::DatabaseAway { source, trace } | ApiError::Database { source, trace } => {
                (source.to_string(), Some(trace))
            }
            ApiError::StoreAway { source, trace } => (source.to_string(), Some(trace)),
            ApiError::Internal { trace, .. } => (self.to_string(), Some(trace)),
            _ => (self.to_string(), None),
        };
        let error_type = self.kind();
        let stack_trace = trace.map(|trace| stack_trace::text(trace, error_type, &error_message));
        error!(error_type, error_message, stack_trace, "Request failed");
    }
}
