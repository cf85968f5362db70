//! Probes with which the watch on CPU use can be watched (feature 43).

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Clock;
use crate::error::ApiError;
use crate::gateway::cpu::Cpu;
use crate::gateway::cpu::primes::Algorithm;
use crate::gateway::cpu::usage::{LoadAverage, Machine, Reading};
use crate::middleware::operation_cost::{Account, Costs};
use crate::parse::QueryOf;
use crate::startup::Context;
use crate::telemetry::correlation_id::CorrelationId;
use crate::telemetry::json_log::timestamp;
use crate::telemetry::units::rounded;

/// How long CPU use is looked at for one answer; the machine's own figures change no faster.
const LOOKED_AT: Duration = Duration::from_millis(200);
/// How many of the dearest operations are named.
const NAMED: usize = 10;
/// The longest that the work may last.
const LONGEST_SECONDS: i64 = 30;
/// Primes of a round are counted up to this, times the intensity.
const ROUND: u32 = 10_000;
/// The furthest that primes are counted in one go.
const FURTHEST: u32 = 2_000_000;

/// `GET /test/cpu` and `GET /test/cpu/stress`.
pub fn router(context: &Context, cpu: Cpu, costs: Costs) -> Router {
    let watched = Watched { cpu, costs, clock: context.clock.clone() };
    Router::new().route("/test/cpu", get(show)).route("/test/cpu/stress", get(stress)).with_state(watched)
}

#[derive(Clone)]
struct Watched {
    cpu: Cpu,
    costs: Costs,
    clock: Clock,
}

#[derive(Serialize)]
struct Shown {
    process_cpu_percent: f64,
    baseline_cpu_percent: f64,
    cpu_growth_percent: f64,
    system_cpu_percent: Option<f64>,
    cpu_count_logical: Option<usize>,
    cpu_count_physical: Option<usize>,
    warning_threshold_percent: f64,
    critical_threshold_percent: f64,
    load_average_1m: Option<f64>,
    load_average_5m: Option<f64>,
    load_average_15m: Option<f64>,
    top_operations: Vec<Dear>,
    timestamp: String,
}

/// An operation and what it has cost so far.
#[derive(Serialize)]
struct Dear {
    method: String,
    path: String,
    cpu_seconds: f64,
}

async fn show(State(watched): State<Watched>) -> Json<Shown> {
    let mut machine = Machine::watch();
    let process_cpu_percent = rounded(percent_over(LOOKED_AT).await);
    let baseline_cpu_percent = rounded(watched.cpu.baseline_percent());
    let load = LoadAverage::now();
    let dear = |(method, path, seconds)| Dear { method, path, cpu_seconds: seconds };
    Json(Shown {
        process_cpu_percent,
        baseline_cpu_percent,
        cpu_growth_percent: rounded(process_cpu_percent - baseline_cpu_percent),
        system_cpu_percent: machine.as_mut().map(|machine| rounded(machine.percent())),
        cpu_count_logical: machine.as_ref().map(Machine::logical),
        cpu_count_physical: Machine::physical(),
        warning_threshold_percent: watched.cpu.limits().warning_percent,
        critical_threshold_percent: watched.cpu.limits().critical_percent,
        load_average_1m: load.map(|load| load.one),
        load_average_5m: load.map(|load| load.five),
        load_average_15m: load.map(|load| load.fifteen),
        top_operations: watched.costs.dearest(NAMED).into_iter().map(dear).collect(),
        timestamp: timestamp(&watched.clock),
    })
}

#[derive(Deserialize)]
struct Asked {
    duration_seconds: Option<i64>,
    intensity: Option<i64>,
    algorithm: Option<Algorithm>,
    /// Counts primes up to here once, however long it takes, instead of going on for a while.
    up_to: Option<u32>,
}

#[derive(Serialize)]
struct Stressed {
    message: &'static str,
    correlation_id: String,
    duration_seconds: i64,
    intensity: i64,
    algorithm: Algorithm,
    up_to: Option<u32>,
    cpu_before_percent: f64,
    cpu_after_percent: f64,
    cpu_increase_percent: f64,
    cpu_seconds: f64,
    primes_calculated: u64,
    note: &'static str,
    timestamp: String,
}

/// Hard work, so much of it at a time: what is beyond that is refused before it takes the CPU from everyone else.
async fn stress(
    State(watched): State<Watched>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    Extension(account): Extension<Account>,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Response, ApiError> {
    let Ok(permit) = watched.cpu.hard_work().clone().try_acquire_owned() else {
        tracing::warn!(at_once = watched.cpu.limits().hard_work_at_once, "CPU stress test refused");
        return Ok(busy());
    };
    let duration_seconds = asked.duration_seconds.unwrap_or(5).clamp(0, LONGEST_SECONDS);
    let intensity = asked.intensity.unwrap_or(1).clamp(1, 10);
    let algorithm = asked.algorithm.unwrap_or(Algorithm::Trial);
    if asked.up_to.is_some_and(|up_to| up_to > FURTHEST) {
        let msg = format!("primes are counted up to {FURTHEST} at most");
        return Err(ApiError::invalid("less_than_equal", &["query", "up_to"], msg));
    }
    let work = move || {
        // Given back when the work has ended, also where nobody waits for it any more.
        let _permit = permit;
        match asked.up_to {
            Some(up_to) => algorithm.count(up_to),
            None => count_for(Duration::from_secs(duration_seconds.unsigned_abs()), intensity, algorithm),
        }
    };
    let before = percent_over(LOOKED_AT / 2).await;
    let began = Reading::now();
    let outcome = account.blocking(work).await;
    let (primes_calculated, took) = outcome.map_err(|fault| ApiError::internal("hard work", fault))?;
    let during = Reading::now().percent_since(began);
    let cpu_seconds = took.as_secs_f64();
    tracing::info!(duration_seconds, intensity, primes_calculated, cpu_seconds, "CPU stress test");
    let stressed = Stressed {
        message: "CPU stress test completed",
        correlation_id,
        duration_seconds,
        intensity,
        algorithm,
        up_to: asked.up_to,
        cpu_before_percent: rounded(before),
        cpu_after_percent: rounded(during),
        cpu_increase_percent: rounded(rounded(during) - rounded(before)),
        cpu_seconds,
        primes_calculated,
        note: "GET /test/cpu names the operations that have used the most CPU time",
        timestamp: timestamp(&watched.clock),
    };
    Ok(Json(stressed).into_response())
}

/// CPU use over the next moments, which nobody else has to wait for.
async fn percent_over(time: Duration) -> f64 {
    let before = Reading::now();
    tokio::time::sleep(time).await;
    Reading::now().percent_since(before)
}

/// Rounds, until the time is over.
fn count_for(duration: Duration, intensity: i64, algorithm: Algorithm) -> u64 {
    let up_to = u32::try_from(intensity).unwrap_or(1).saturating_mul(ROUND);
    let (began, mut found) = (Instant::now(), 0);
    while began.elapsed() < duration {
        found += algorithm.count(up_to);
    }
    found
}

fn busy() -> Response {
    let detail = "as much hard work as is taken on at a time is under way, try again shortly";
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "detail": detail }))).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
