//! `GET /test/slow-query`: a query as slow as the caller asks, so that the log of slow queries can be watched (feature 41).

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::auth::Auth;
use crate::error::ApiError;
use crate::parse::QueryOf;
use crate::telemetry::correlation_id;

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/test/slow-query", get(slow_query))
}

#[derive(Deserialize)]
struct Asked {
    /// 200 unless the caller says otherwise.
    delay_ms: Option<i64>,
}

#[derive(Serialize)]
struct Slept {
    message: &'static str,
    correlation_id: Option<String>,
    delay_ms: i64,
    result: &'static str,
    note: &'static str,
}

async fn slow_query(State(auth): State<Auth>, QueryOf(asked): QueryOf<Asked>) -> Result<Json<Slept>, ApiError> {
    let delay_ms = asked.delay_ms.unwrap_or(200);
    sqlx::query("select pg_sleep($1)").bind(delay_ms as f64 / 1000.0).execute(&auth.db).await?;
    Ok(Json(Slept {
        message: "Slow query completed",
        correlation_id: correlation_id::current(),
        delay_ms,
        result: "slept in the database",
        note: "above the threshold, the log tells of it",
    }))
}
