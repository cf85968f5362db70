//! The routes that all ten services have: health, metrics, and for tests the clock and slow answers.

mod slow;

use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::clock::Waiting;
use crate::error::ApiError;
use crate::parse::JsonBody;
use crate::service::Service;
use crate::startup::Context;
use crate::telemetry::json_log::{timestamp, web_timestamp};
use crate::telemetry::prometheus_text;

/// `/health`, `/metrics` unless switched off, `/test/clock…` and `/test/slow` when switched on.
pub fn router(context: &Context) -> Router {
    let mut router = Router::new().route("/health", get(health));
    if context.settings.metrics_enabled {
        router = router.route("/metrics", get(metrics));
    }
    if context.settings.test_endpoints {
        router = router.route("/test/clock", get(clock)).route("/test/clock/advance", post(advance));
    }
    let router = router.with_state(context.clone());
    if context.settings.test_endpoints { router.merge(slow::router(context.clock.clone())) } else { router }
}

/// That the process lives; it looks at no store.
#[derive(Serialize)]
pub struct Health {
    status: &'static str,
    service: &'static str,
    timestamp: String,
    version: &'static str,
}

/// Answers whether the process lives.
pub async fn health(State(context): State<Context>) -> Json<Health> {
    let timestamp = match context.service {
        Service::SvgRenderer | Service::Frontend => web_timestamp(&context.clock),
        _ => timestamp(&context.clock),
    };
    Json(Health { status: "healthy", service: context.service.name(), timestamp, version: context.service.version() })
}

async fn metrics(State(context): State<Context>) -> impl IntoResponse {
    let content_type = (CONTENT_TYPE, prometheus_text::CONTENT_TYPE);
    ([content_type], context.metrics.render())
}

#[derive(Serialize)]
struct Shown {
    now: String,
    offset_ms: u64,
    waiting: Vec<Waiting>,
}

async fn clock(State(context): State<Context>) -> Json<Shown> {
    Json(show(&context))
}

#[derive(Deserialize)]
struct Asked {
    ms: u64,
}

async fn advance(State(context): State<Context>, JsonBody(asked): JsonBody<Asked>) -> Result<Json<Shown>, ApiError> {
    context.clock.advance(Duration::from_millis(asked.ms));
    Ok(Json(show(&context)))
}

fn show(context: &Context) -> Shown {
    Shown {
        now: timestamp(&context.clock),
        offset_ms: u64::try_from(context.clock.offset().as_millis()).unwrap_or(u64::MAX),
        waiting: context.clock.waiting(),
    }
}
