//! `POST /test/create` and its counter: each execution leaves a trace, so that repeats can be told from replays (feature 36).

use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use tracing::info;

use crate::auth::Auth;
use crate::telemetry::json_log::timestamp;

pub(super) fn router() -> Router<Auth> {
    Router::new()
        .route("/test/create", post(create))
        .route("/test/counter", get(counter))
        .route("/test/counter/reset", post(reset))
}

#[derive(Serialize)]
struct Created {
    resource_id: String,
    execution_count: u64,
    created_at: String,
    message: &'static str,
}

#[derive(Serialize)]
struct Count {
    count: u64,
    message: &'static str,
}

async fn create(State(auth): State<Auth>) -> Json<Created> {
    let execution_count = auth.created.fetch_add(1, Ordering::Relaxed) + 1;
    let resource_id = format!("resource_{execution_count}_{}", auth.clock.now().timestamp());
    info!(resource_id, execution_count, "Test resource created");
    Json(Created { resource_id, execution_count, created_at: timestamp(&auth.clock), message: "Resource created" })
}

async fn counter(State(auth): State<Auth>) -> Json<Count> {
    Json(Count { count: auth.created.load(Ordering::Relaxed), message: "Executions so far" })
}

async fn reset(State(auth): State<Auth>) -> Json<Count> {
    auth.created.store(0, Ordering::Relaxed);
    Json(Count { count: 0, message: "Counter reset" })
}
