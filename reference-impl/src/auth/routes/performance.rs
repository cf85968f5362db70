//! `GET /test/performance`: a delay in fractions of a second, so that durations can be watched (feature 40).

use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::auth::Auth;
use crate::error::ApiError;
use crate::parse::QueryOf;
use crate::telemetry::correlation_id;
use crate::telemetry::json_log::timestamp;

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/test/performance", get(performance))
}

#[derive(Deserialize)]
struct Asked {
    /// Seconds; half a one unless the caller says otherwise.
    delay: Option<f64>,
}

#[derive(Serialize)]
struct Slept {
    message: &'static str,
    delay_seconds: f64,
    timestamp: String,
    correlation_id: Option<String>,
}

async fn performance(State(auth): State<Auth>, QueryOf(asked): QueryOf<Asked>) -> Result<Json<Slept>, ApiError> {
    let delay_seconds = asked.delay.unwrap_or(0.5);
    let at_least_none = if delay_seconds < 0.0 { 0.0 } else { delay_seconds };
    let delay = Duration::try_from_secs_f64(at_least_none).map_err(|_| {
        let loc = ["query", "delay"];
        ApiError::invalid("out_of_range", &loc, "a number of seconds is expected")
    })?;
    info!(requested_delay = delay_seconds, "Performance probe");
    auth.clock.sleep("GET /test/performance", delay).await;
    Ok(Json(Slept {
        message: "Performance probe completed",
        delay_seconds,
        timestamp: timestamp(&auth.clock),
        correlation_id: correlation_id::current(),
    }))
}
