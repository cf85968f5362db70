//! Probes with which the watch on traffic can be watched (feature 44).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::config::Network;
use crate::error::ApiError;
use crate::middleware::body_limit;
use crate::parse::QueryOf;
use crate::startup::Context;
use crate::telemetry::correlation_id::CorrelationId;
use crate::telemetry::json_log::timestamp;
use crate::telemetry::units::{BYTES_PER_MB, megabytes, rounded};

const DEFAULT_MB: f64 = 1.0;
const MOST_MB: f64 = 10.0;

/// `GET /test/network`, `POST /test/network/large-request` and `GET /test/network/large-response`.
pub fn router(context: &Context) -> Router {
    let watched = Watched { network: Arc::new(context.settings.network.clone()), clock: context.clock.clone() };
    Router::new()
        .route("/test/network", get(show))
        .route("/test/network/large-request", post(large_request))
        .route("/test/network/large-response", get(large_response))
        .with_state(watched)
}

#[derive(Clone)]
struct Watched {
    network: Arc<Network>,
    clock: Clock,
}

#[derive(Serialize)]
struct Shown {
    message: &'static str,
    correlation_id: String,
    configuration: Configuration,
    note: &'static str,
    timestamp: String,
}

#[derive(Serialize)]
struct Configuration {
    compression_enabled: bool,
    compression_min_size_bytes: u16,
    compression_min_size_kb: f64,
    large_payload_threshold_bytes: u64,
    large_payload_threshold_mb: f64,
}

async fn show(
    State(watched): State<Watched>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
) -> Json<Shown> {
    let network = &watched.network;
    Json(Shown {
        message: "Sizes of requests and answers are watched",
        correlation_id,
        configuration: Configuration {
            compression_enabled: network.compression_enabled,
            compression_min_size_bytes: network.compression_min_bytes,
            compression_min_size_kb: rounded(f64::from(network.compression_min_bytes) / 1024.0),
            large_payload_threshold_bytes: network.large_above_bytes,
            large_payload_threshold_mb: megabytes(network.large_above_bytes),
        },
        note: "the sizes of each request stand in the log and under /metrics",
        timestamp: timestamp(&watched.clock),
    })
}

#[derive(Serialize)]
struct Taken {
    message: &'static str,
    correlation_id: String,
    request_size_bytes: u64,
    request_size_kb: f64,
    request_size_mb: f64,
    is_large_payload: bool,
    threshold_mb: f64,
    timestamp: String,
}

async fn large_request(
    State(watched): State<Watched>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    body: Body,
) -> Result<Json<Taken>, ApiError> {
    let size = body_limit::read(body).await?.len() as u64;
    Ok(Json(Taken {
        message: "Request taken",
        correlation_id,
        request_size_bytes: size,
        request_size_kb: rounded(size as f64 / 1024.0),
        request_size_mb: megabytes(size),
        is_large_payload: size > watched.network.large_above_bytes,
        threshold_mb: megabytes(watched.network.large_above_bytes),
        timestamp: timestamp(&watched.clock),
    }))
}

#[derive(Deserialize)]
struct Asked {
    size_mb: Option<f64>,
}

#[derive(Serialize)]
struct Large {
    message: &'static str,
    correlation_id: String,
    requested_size_mb: f64,
    actual_size_mb: f64,
    num_items: usize,
    is_large_payload: bool,
    compression_enabled: bool,
    note: &'static str,
    data: Vec<Item>,
    timestamp: String,
}

/// One of many alike, which is what compresses well.
#[derive(Clone, Copy, Serialize)]
struct Item {
    kind: &'static str,
    text: &'static str,
}

const ITEM: Item =
    Item { kind: "diagram", text: "boxes and arrows, drawn together, saved again and again in much the same words" };

async fn large_response(
    State(watched): State<Watched>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Json<Large>, ApiError> {
    let requested_size_mb = asked.size_mb.unwrap_or(DEFAULT_MB);
    let size = requested_size_mb.clamp(0.0, MOST_MB) * BYTES_PER_MB;
    let item = weight(&ITEM)? + 1; // With the comma.
    let num_items = (size / item as f64).ceil() as usize;
    let mut large = Large {
        message: "An answer of the size that was asked for",
        correlation_id,
        requested_size_mb,
        actual_size_mb: megabytes((num_items * item) as u64),
        num_items,
        is_large_payload: true,
        compression_enabled: watched.network.compression_enabled,
        note: "ask with `Accept-Encoding: gzip` to get it compressed",
        data: vec![ITEM; num_items],
        timestamp: timestamp(&watched.clock),
    };
    large.is_large_payload = weight(&large)? as u64 > watched.network.large_above_bytes;
    Ok(Json(large))
}

fn weight(value: &impl Serialize) -> Result<usize, ApiError> {
    let text = serde_json::to_vec(value).map_err(|error| ApiError::internal("weighing an answer", error))?;
    Ok(text.len())
}
