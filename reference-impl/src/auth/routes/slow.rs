//! `GET /test/slow`: an answer that takes as long as asked, so that deadlines can be watched (feature 34).

use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::auth::Auth;
use crate::error::ApiError;
use crate::parse::QueryOf;
use crate::telemetry::json_log::timestamp;

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/test/slow", get(slow))
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

async fn slow(State(auth): State<Auth>, QueryOf(asked): QueryOf<Asked>) -> Result<Json<Slept>, ApiError> {
    let seconds = u64::try_from(asked.delay.unwrap_or(35)).unwrap_or(0);
    auth.clock.sleep("GET /test/slow", Duration::from_secs(seconds)).await;
    Ok(Json(Slept { message: format!("Completed after {seconds} seconds"), timestamp: timestamp(&auth.clock) }))
}
