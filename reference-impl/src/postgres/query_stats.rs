//! `GET /test/query-stats`: the history of statements, for any service with a database.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};

use super::query_history::QueryStats;
use super::slow_queries::StatementWatch;
use crate::startup::Context;

/// The route, when test endpoints are on.
pub fn router(context: &Context) -> Router {
    if !context.settings.test_endpoints {
        return Router::new();
    }
    Router::new().route("/test/query-stats", get(query_stats)).with_state(context.statements.clone())
}

async fn query_stats(State(watch): State<StatementWatch>) -> Json<Vec<QueryStats>> {
    Json(watch.history())
}
