//! `GET /test/complex-query`: a join over users and their recent files, with a plan worth reading (feature 41).

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::auth::Auth;
use crate::error::ApiError;
use crate::telemetry::correlation_id;

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/test/complex-query", get(complex_query))
}

#[derive(Serialize)]
struct Counted {
    message: &'static str,
    correlation_id: Option<String>,
    user_count: usize,
    note: &'static str,
}

async fn complex_query(State(auth): State<Auth>) -> Result<Json<Counted>, ApiError> {
    let busiest: Vec<(String, i64)> = sqlx::query_as(
        "select u.id, count(f.id)
         from users u
         left join files f on f.owner_id = u.id and f.created_at > now() - interval '30 days'
         group by u.id
         order by count(f.id) desc, u.id
         limit 10",
    )
    .fetch_all(&auth.db)
    .await?;
    Ok(Json(Counted {
        message: "Complex query completed",
        correlation_id: correlation_id::current(),
        user_count: busiest.len(),
        note: "users with the most files of the last 30 days, at most ten",
    }))
}
