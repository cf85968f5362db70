//! How the circuit breakers stand.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::gateway::upstreams::Upstream;
use crate::startup::Context;
use crate::telemetry::json_log::timestamp;

/// `GET /health/circuit-breakers`.
pub fn router(context: &Context, upstreams: &[Arc<Upstream>]) -> Router {
    let watched = Watched { clock: context.clock.clone(), upstreams: upstreams.into() };
    Router::new().route("/health/circuit-breakers", get(circuit_breakers)).with_state(watched)
}

#[derive(Clone)]
struct Watched {
    clock: Clock,
    upstreams: Arc<[Arc<Upstream>]>,
}

#[derive(Serialize)]
struct Standing {
    name: &'static str,
    state: &'static str,
    failure_count: u32,
    success_count: u32,
    failure_threshold: u32,
    success_threshold: u32,
    timeout: f64,
    last_failure: Option<String>,
}

async fn circuit_breakers(State(watched): State<Watched>) -> Json<Value> {
    let standings: Map<String, Value> =
        watched.upstreams.iter().map(|upstream| (upstream.name.to_owned(), json!(standing(upstream)))).collect();
    Json(json!({ "circuit_breakers": standings, "timestamp": timestamp(&watched.clock) }))
}

fn standing(upstream: &Upstream) -> Standing {
    let breaker = upstream.breaker.snapshot();
    let limits = upstream.breaker.limits();
    Standing {
        name: upstream.service.name(),
        state: breaker.state.name(),
        failure_count: breaker.failures,
        success_count: breaker.successes,
        failure_threshold: limits.failure_threshold,
        success_threshold: limits.success_threshold,
        timeout: limits.open_for.as_secs_f64(),
        last_failure: breaker.last_failure.map(|at| at.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()),
    }
}
