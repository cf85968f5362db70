//! Ends requests that take too long, whoever is to blame (feature 34).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::clock::Clock;
use crate::middleware::circuit_breaker::Call;

/// How long a request may take.
#[derive(Clone)]
pub struct Deadline {
    /// The time that limits it.
    pub clock: Clock,
    /// The limit.
    pub limit: Duration,
}

/// Where a request keeps the call to a back end that it waits for, so that whoever cuts it short can say so.
#[derive(Clone, Default)]
pub struct CallUnderWay(Arc<Mutex<Option<Call>>>);

impl CallUnderWay {
    /// Keeps the call while it lasts.
    pub fn put(&self, call: Call) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(call);
    }

    /// Takes the call back, if it is still there.
    pub fn take(&self) -> Option<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Answers 504 when the limit passes; the work is dropped, and a back end that was waited for has failed.
pub async fn deadline(State(deadline): State<Deadline>, mut request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let under_way = CallUnderWay::default();
    request.extensions_mut().insert(under_way.clone());
    let what = format!("deadline {method} {path}");
    let work = next.run(request);
    if let Ok(response) = deadline.clock.timeout(&what, deadline.limit, work).await {
        return response;
    }
    if let Some(call) = under_way.take() {
        call.failed();
    }
    let seconds = deadline.limit.as_secs_f64();
    tracing::error!(method = %method, path, timeout = seconds, "Request timeout exceeded");
    let detail = format!("Request timeout: no answer within {seconds} seconds");
    (StatusCode::GATEWAY_TIMEOUT, Json(json!({ "detail": detail, "timeout": seconds }))).into_response()
}
