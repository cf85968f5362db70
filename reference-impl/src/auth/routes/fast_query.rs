//! `GET /test/fast-query`: a query that must not be logged as slow (feature 41).

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::auth::Auth;
use crate::error::ApiError;
use crate::telemetry::correlation_id;

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/test/fast-query", get(fast_query))
}

#[derive(Serialize)]
struct Answered {
    message: &'static str,
    correlation_id: Option<String>,
    result: i32,
    note: &'static str,
}

async fn fast_query(State(auth): State<Auth>) -> Result<Json<Answered>, ApiError> {
    let result = sqlx::query_scalar("select 1").fetch_one(&auth.db).await?;
    Ok(Json(Answered {
        message: "Fast query completed",
        correlation_id: correlation_id::current(),
        result,
        note: "below the threshold, the log does not tell of it",
    }))
}
