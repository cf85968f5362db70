//! `GET /test/slow`: an answer that takes as long as asked, so that deadlines (feature 34) and shutdowns (feature 18)
//! can be watched.

use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::error::ApiError;
use crate::parse::QueryOf;
use crate::telemetry::json_log::timestamp;

/// The one route.
pub fn router(clock: Clock) -> Router {
    Router::new().route("/test/slow", get(slow)).with_state(clock)
}

#[derive(Deserialize)]
struct Asked {
    /// Seconds; 35 unless the caller says otherwise, which is beyond the deadline of a request.
    delay: Option<i64>,
}

#[derive(Serialize)]
struct Slept {
    message: String,
    timestamp: String,
}

async fn slow(State(clock): State<Clock>, QueryOf(asked): QueryOf<Asked>) -> Result<Json<Slept>, ApiError> {
    let seconds = u64::try_from(asked.delay.unwrap_or(35)).unwrap_or(0);
    clock.sleep("GET /test/slow", Duration::from_secs(seconds)).await;
    Ok(Json(Slept { message: format!("Completed after {seconds} seconds"), timestamp: timestamp(&clock) }))
}
