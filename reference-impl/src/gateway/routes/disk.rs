//! Probes with which the watch on disks can be watched (feature 45).

use axum::extract::State;
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::ApiError;
use crate::gateway::disk::{Disk, Filled, gigabytes};
use crate::object_store::{Bytes, Described, StoreError, Upload};
use crate::parse::QueryOf;
use crate::startup::Context;
use crate::telemetry::correlation_id::CorrelationId;
use crate::telemetry::json_log::timestamp;
use crate::telemetry::units::{BYTES_PER_MB, megabytes, rounded};

/// The largest file that can be asked for.
const MOST_MB: f64 = 100.0;
/// What the names of all files made here begin with; nothing else can be cleaned up.
const PREFIX: &str = "test-upload-";
/// What such a file is written in.
const CHUNK: usize = 64 * 1024;

/// `GET /test/disk`, `POST /test/disk/upload` and `DELETE /test/disk/cleanup`.
pub fn router(context: &Context, disk: Disk) -> Router {
    let watched = Watched { disk, clock: context.clock.clone() };
    Router::new()
        .route("/test/disk", get(show))
        .route("/test/disk/upload", post(upload))
        .route("/test/disk/cleanup", delete(clean_up))
        .with_state(watched)
}

#[derive(Clone)]
struct Watched {
    disk: Disk,
    clock: Clock,
}

async fn show(
    State(watched): State<Watched>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
) -> Result<Json<Value>, ApiError> {
    let disk = &watched.disk;
    let local = disk.local().await.map_err(|error| ApiError::internal("reading the local disk", error))?;
    let (minio_storage, storage) = object_store(disk).await;
    let settings = disk.settings();
    Ok(Json(json!({
        "message": "Disk usage",
        "correlation_id": correlation_id,
        "local_disk": filled(disk, local),
        "minio_storage": minio_storage,
        "storage": storage,
        "configuration": {
            "check_interval_seconds": settings.sample_every.as_secs_f64(),
            "warning_threshold_percent": settings.warning_percent,
            "critical_threshold_percent": settings.critical_percent,
            "alert_threshold_percent": settings.critical_percent,
            "storage_capacity_bytes": settings.capacity,
        },
        "note": "the limits hold for the local disk, and for the object store where STORAGE_CAPACITY_BYTES tells its capacity",
        "timestamp": timestamp(&watched.clock),
    })))
}

/// The buckets of the services, and the store as a whole. That it is away is something to report, not to fail of.
async fn object_store(disk: &Disk) -> (Value, Value) {
    let stored = match disk.stored().await {
        Ok(stored) => stored,
        Err(error) => return (json!({"error": error.to_string()}), Value::Null),
    };
    let bucket = |name: &str| match stored.of(name) {
        Some(bytes) => json!({
            "bucket": name,
            "size_bytes": bytes,
            "size_mb": megabytes(bytes),
            "size_gb": gigabytes(bytes),
        }),
        None => json!({"bucket": name, "status": "not_found"}),
    };
    let whole = match disk.filled(&stored) {
        Some(whole) => filled(disk, whole),
        None => json!({"used_bytes": stored.total(), "used_gb": gigabytes(stored.total())}),
    };
    (disk.buckets().names().map(bucket).into_iter().collect(), whole)
}

fn filled(disk: &Disk, filled: Filled) -> Value {
    json!({
        "total_bytes": filled.total,
        "used_bytes": filled.used,
        "free_bytes": filled.free,
        "used_percent": rounded(filled.percent()),
        "total_gb": gigabytes(filled.total),
        "used_gb": gigabytes(filled.used),
        "free_gb": gigabytes(filled.free),
        "alert_triggered": disk.level(filled).is_critical(),
    })
}

#[derive(Deserialize)]
struct Asked {
    size_mb: Option<f64>,
    bucket: Option<String>,
}

#[derive(Serialize)]
struct Uploaded {
    message: &'static str,
    correlation_id: String,
    bucket: String,
    filename: String,
    size_bytes: u64,
    size_mb: f64,
    note: &'static str,
    cleanup_note: String,
    timestamp: String,
}

async fn upload(
    State(watched): State<Watched>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Json<Uploaded>, ApiError> {
    let asked_mb = asked.size_mb.unwrap_or(1.0);
    if asked_mb.is_nan() || asked_mb <= 0.0 {
        return Err(ApiError::invalid("greater_than", &["query", "size_mb"], "a number above 0"));
    }
    let size_bytes = (asked_mb.min(MOST_MB) * BYTES_PER_MB).ceil() as u64;
    let bucket = asked.bucket.unwrap_or_else(|| watched.disk.buckets().uploads.clone());
    let filename = format!("{PREFIX}{}.bin", Uuid::new_v4());
    let upload = Upload { size: size_bytes, described: Described::default(), bytes: zeros(size_bytes) };
    watched.disk.store().put(&bucket, &filename, upload).await.map_err(unknown_bucket)?;
    Ok(Json(Uploaded {
        message: "Test file stored",
        correlation_id,
        size_bytes,
        size_mb: megabytes(size_bytes),
        note: "GET /test/disk shows it in the use of its bucket",
        cleanup_note: format!("DELETE /test/disk/cleanup?bucket={bucket}&filename={filename} removes it"),
        bucket,
        filename,
        timestamp: timestamp(&watched.clock),
    }))
}

/// So many bytes, made piece by piece as they are sent.
fn zeros(bytes: u64) -> impl futures_util::Stream<Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>> {
    static ZEROS: [u8; CHUNK] = [0; CHUNK];
    let mut left = bytes;
    stream::iter(std::iter::from_fn(move || {
        let next = left.min(CHUNK as u64);
        left -= next;
        (next > 0).then(|| Ok(Bytes::from_static(&ZEROS[..next as usize])))
    }))
}

#[derive(Deserialize)]
struct Unwanted {
    bucket: String,
    filename: String,
}

async fn clean_up(
    State(watched): State<Watched>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    QueryOf(Unwanted { bucket, filename }): QueryOf<Unwanted>,
) -> Result<Json<Value>, ApiError> {
    if !filename.starts_with(PREFIX) {
        return Err(ApiError::BadRequest(format!("only files whose names begin with {PREFIX} can be removed here")));
    }
    watched.disk.store().delete(&bucket, &filename).await.map_err(unknown_bucket)?;
    Ok(Json(json!({
        "message": "Test file removed",
        "correlation_id": correlation_id,
        "bucket": bucket,
        "filename": filename,
        "note": "GET /test/disk shows the use of its bucket without it",
        "timestamp": timestamp(&watched.clock),
    })))
}

/// The caller named the bucket, so the caller can mend it.
fn unknown_bucket(error: StoreError) -> ApiError {
    if error.is_missing_bucket() || error.is("InvalidBucketName") {
        return ApiError::BadRequest("there is no such bucket".to_owned());
    }
    error.into()
}
