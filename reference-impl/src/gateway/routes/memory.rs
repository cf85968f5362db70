//! Probes with which the watch on memory can be watched (feature 42).

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::error::ApiError;
use crate::gateway::memory::Memory;
use crate::gateway::memory::ballast::{Block, MOST_MB};
use crate::gateway::memory::usage::Usage;
use crate::parse::QueryOf;
use crate::startup::Context;
use crate::telemetry::correlation_id::CorrelationId;
use crate::telemetry::json_log::timestamp;
use crate::telemetry::units::{megabytes, rounded};

const DEFAULT_MB: i64 = 10;

/// `GET /test/memory`, `/test/memory/allocate` and `/test/memory/gc`.
pub fn router(context: &Context, memory: Memory) -> Router {
    let watched = Watched { memory, clock: context.clock.clone() };
    Router::new()
        .route("/test/memory", get(show))
        .route("/test/memory/allocate", get(allocate))
        .route("/test/memory/gc", get(let_go))
        .with_state(watched)
}

#[derive(Clone)]
struct Watched {
    memory: Memory,
    clock: Clock,
}

#[derive(Serialize)]
struct Shown {
    current_memory_mb: f64,
    baseline_memory_mb: Option<f64>,
    memory_growth_mb: Option<f64>,
    memory_percent: f64,
    system_memory_total_mb: f64,
    system_memory_available_mb: f64,
    system_memory_used_percent: f64,
    warning_threshold_mb: f64,
    critical_threshold_mb: f64,
    held_mb: f64,
    timestamp: String,
}

async fn show(State(watched): State<Watched>) -> Result<Json<Shown>, ApiError> {
    let memory = &watched.memory;
    let usage = usage_now()?;
    Ok(Json(Shown {
        current_memory_mb: megabytes(usage.resident),
        baseline_memory_mb: memory.baseline_mb(),
        memory_growth_mb: memory.growth_mb(usage),
        memory_percent: rounded(usage.percent()),
        system_memory_total_mb: megabytes(usage.system_total),
        system_memory_available_mb: megabytes(usage.system_available),
        system_memory_used_percent: rounded(usage.system_used_percent()),
        warning_threshold_mb: memory.limits().warning_mb,
        critical_threshold_mb: memory.limits().critical_mb,
        held_mb: megabytes(memory.ballast().held()),
        timestamp: timestamp(&watched.clock),
    }))
}

#[derive(Deserialize)]
struct Asked {
    size_mb: Option<i64>,
    #[serde(default)]
    hold: bool,
}

#[derive(Serialize)]
struct Allocated {
    message: &'static str,
    correlation_id: String,
    requested_size_mb: i64,
    actual_allocated_mb: f64,
    memory_before_mb: f64,
    memory_after_allocation_mb: f64,
    memory_after_gc_mb: f64,
    gc_recovered_mb: f64,
    note: &'static str,
}

async fn allocate(
    State(watched): State<Watched>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Json<Allocated>, ApiError> {
    let requested_size_mb = asked.size_mb.unwrap_or(DEFAULT_MB);
    let size = size_within_limit(requested_size_mb, &watched.memory)?;
    let before = usage_now()?.resident;
    // Touching gigabytes takes a while, during which this thread would serve nobody.
    let block = tokio::task::spawn_blocking(move || Block::take(size))
        .await
        .map_err(|fault| ApiError::internal("allocation", fault))?
        .map_err(|error| ApiError::internal("allocation", error))?;
    let allocated = block.bytes();
    let during = usage_now()?.resident;
    let (message, note) = if asked.hold {
        watched.memory.ballast().hold(block);
        ("Memory allocated and held", "GET /test/memory/gc lets it go")
    } else {
        drop(block);
        ("Memory allocated and freed", "with hold=true it would be held until GET /test/memory/gc")
    };
    let after = usage_now()?.resident;
    tracing::info!(
        requested_size_mb,
        actual_allocated_mb = megabytes(allocated),
        memory_before_mb = megabytes(before),
        memory_after_mb = megabytes(during),
        "Memory allocation test"
    );
    Ok(Json(Allocated {
        message,
        correlation_id,
        requested_size_mb,
        actual_allocated_mb: megabytes(allocated),
        memory_before_mb: megabytes(before),
        memory_after_allocation_mb: megabytes(during),
        memory_after_gc_mb: megabytes(after),
        gc_recovered_mb: megabytes(during.saturating_sub(after)),
        note,
    }))
}

/// Less than nothing is nothing; more than there may be, with what is held already, is refused.
fn size_within_limit(asked_mb: i64, memory: &Memory) -> Result<u64, ApiError> {
    let size = u64::try_from(asked_mb).unwrap_or(0);
    let held = memory.ballast().held().div_ceil(1024 * 1024);
    if size > MOST_MB.saturating_sub(held) {
        let msg = format!("at most {MOST_MB} MB can be taken in all, and {held} MB are held");
        return Err(ApiError::invalid("less_than_equal", &["query", "size_mb"], msg));
    }
    Ok(size)
}

#[derive(Serialize)]
struct LetGo {
    message: &'static str,
    correlation_id: String,
    memory_before_mb: f64,
    memory_after_mb: f64,
    memory_freed_mb: f64,
    gc_stats: Freed,
    timestamp: String,
}

/// In the shape of a collector of three generations; here all that can be freed is in the first.
#[derive(Serialize)]
struct Freed {
    collected: [usize; 3],
    uncollectable: [usize; 1],
    total_collected: usize,
}

async fn let_go(
    State(watched): State<Watched>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
) -> Result<Json<LetGo>, ApiError> {
    let before = usage_now()?.resident;
    let blocks = watched.memory.ballast().let_go();
    let after = usage_now()?.resident;
    let memory_before_mb = megabytes(before);
    let memory_after_mb = megabytes(after);
    let memory_freed_mb = megabytes(before.saturating_sub(after));
    tracing::info!(
        memory_before_mb,
        memory_after_mb,
        memory_freed_mb,
        objects_collected = blocks,
        uncollectable_objects = 0,
        "Garbage collection performed"
    );
    Ok(Json(LetGo {
        message: "Held memory has been freed",
        correlation_id,
        memory_before_mb,
        memory_after_mb,
        memory_freed_mb,
        gc_stats: Freed { collected: [blocks, 0, 0], uncollectable: [0], total_collected: blocks },
        timestamp: timestamp(&watched.clock),
    }))
}

fn usage_now() -> Result<Usage, ApiError> {
    Usage::now().map_err(|error| ApiError::internal("reading memory", error))
}
