//! `/api/admin/backup/…`: makes, lists, restores and removes backups of the database (feature 48).

use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::backup::error::BackupError;
use crate::backup::manifest::{Format, Kind};
use crate::backup::restore::What;
use crate::backup::shown::{self, Listed, ListedCopy};
use crate::backup::{Backups, Order};
use crate::clock::Clock;
use crate::error::ApiError;
use crate::parse::QueryOf;
use crate::startup::Context;
use crate::telemetry::correlation_id;
use crate::telemetry::json_log::timestamp;

/// The routes under `/api/admin/backup`.
pub fn router(context: &Context, backups: &Backups) -> Router {
    let desk = Desk { backups: backups.clone(), clock: context.clock.clone() };
    Router::new()
        .route("/api/admin/backup/create", post(create))
        .route("/api/admin/backup/restore", post(restore))
        .route("/api/admin/backup/list", get(list))
        .route("/api/admin/backup/{name}", delete(remove))
        .with_state(desk)
}

#[derive(Clone)]
struct Desk {
    backups: Backups,
    clock: Clock,
}

/// An answer as all routes for administrators give it: who asked, when, and what came of it.
pub(super) fn answer(clock: &Clock, fields: Value) -> Json<Value> {
    let mut all = Map::new();
    all.insert("correlation_id".into(), json!(correlation_id::current()));
    all.insert("timestamp".into(), json!(timestamp(clock)));
    all.insert("success".into(), json!(true));
    if let Value::Object(fields) = fields {
        all.extend(fields);
    }
    Json(Value::Object(all))
}

/// Goes on to the end even if the one who asked is gone by then: a restore must not stop half-way.
pub(super) async fn to_the_end<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, ApiError> {
    let id = correlation_id::current().unwrap_or_default();
    let done = tokio::spawn(correlation_id::within(id, work)).await;
    done.map_err(|fault| ApiError::internal("the work on backups", fault))?.map_err(Into::into)
}

#[derive(Deserialize)]
struct Wanted {
    backup_name: Option<String>,
    #[serde(default)]
    backup_format: Format,
    /// `full` as the contract has it; `base` and `incremental` are told in docs/backup.md.
    #[serde(default)]
    backup_type: Kind,
    upload_to_minio: Option<bool>,
}

async fn create(State(desk): State<Desk>, QueryOf(wanted): QueryOf<Wanted>) -> Result<Json<Value>, ApiError> {
    let backups = desk.backups.clone();
    let order = Order {
        kind: wanted.backup_type,
        format: wanted.backup_format,
        name: wanted.backup_name,
        copy: wanted.upload_to_minio.unwrap_or(true),
    };
    let made = to_the_end(async move { backups.create(order).await }).await?;
    let backup = shown::made(&made, desk.backups.database(), timestamp(&desk.clock));
    Ok(answer(&desk.clock, json!({ "backup": backup })))
}

#[derive(Deserialize)]
struct Asked {
    backup_file: Option<String>,
    backup_name: Option<String>,
    #[serde(default)]
    download_from_minio: bool,
    #[serde(default)]
    clean: bool,
    /// A moment as in RFC 3339, or `latest`; told in docs/backup.md.
    target_time: Option<String>,
}

impl Asked {
    fn what(&self) -> Result<What, BackupError> {
        match (&self.target_time, &self.backup_file, &self.backup_name) {
            (Some(latest), None, None) if latest == "latest" => Ok(What::Latest),
            (Some(time), None, None) => {
                let moment = DateTime::parse_from_rfc3339(time).map(|moment| What::Time(moment.with_timezone(&Utc)));
                let expected = "a moment like 2025-01-31T12:00:00Z is expected, or latest";
                moment.map_err(|_| BackupError::invalid("target_time", expected))
            }
            (None, Some(path), None) => Ok(What::Path(path.clone())),
            (None, None, Some(name)) if self.download_from_minio => Ok(What::Copy(name.clone())),
            (None, None, Some(name)) => Ok(What::Backup(name.clone())),
            _ => {
                let expected = "exactly one of backup_name, backup_file and target_time is expected";
                Err(BackupError::invalid("backup_name", expected))
            }
        }
    }
}

async fn restore(State(desk): State<Desk>, QueryOf(asked): QueryOf<Asked>) -> Result<Json<Value>, ApiError> {
    let what = asked.what()?;
    let backups = desk.backups.clone();
    let restored = to_the_end(async move { backups.restore(what, asked.clean).await }).await?;
    let restore = json!({
        "backup_file": restored.path.display().to_string(),
        "timestamp": timestamp(&desk.clock),
        "database": desk.backups.database(),
        "target_time": asked.target_time,
        "last_change": restored.last_change,
        "success": true,
    });
    Ok(answer(&desk.clock, json!({ "restore": restore })))
}

#[derive(Deserialize)]
struct Places {
    include_local: Option<bool>,
    include_minio: Option<bool>,
}

async fn list(State(desk): State<Desk>, QueryOf(places): QueryOf<Places>) -> Result<Json<Value>, ApiError> {
    let mut local: Vec<Listed> = Vec::new();
    if places.include_local.unwrap_or(true) {
        local = desk.backups.list().await.map_err(ApiError::from)?.iter().map(Listed::from).collect();
    }
    let copies = if places.include_minio.unwrap_or(true) { desk.backups.copies().await } else { Ok(Vec::new()) };
    // Those here are of use, most of all when the store is away.
    let why = copies.as_ref().err().map(ToString::to_string);
    let minio: Vec<ListedCopy> = copies.unwrap_or_default().into_iter().map(ListedCopy::from).collect();
    let fields = json!({
        "local_count": local.len(),
        "minio_count": minio.len(),
        "minio_error": why,
        "backups": { "local": local, "minio": minio },
    });
    Ok(answer(&desk.clock, fields))
}

#[derive(Deserialize)]
struct From {
    delete_local: Option<bool>,
    delete_minio: Option<bool>,
}

async fn remove(
    State(desk): State<Desk>,
    Path(name): Path<String>,
    QueryOf(from): QueryOf<From>,
) -> Result<Json<Value>, ApiError> {
    let mut local_deleted = false;
    if from.delete_local.unwrap_or(true) {
        let (backups, name) = (desk.backups.clone(), name.clone());
        local_deleted = to_the_end(async move { backups.remove(&name).await }).await?;
    }
    let mut minio_deleted = false;
    if from.delete_minio.unwrap_or(true) {
        minio_deleted = desk.backups.remove_copy(&name).await.map_err(ApiError::from)?;
    }
    let results = json!({ "local_deleted": local_deleted, "minio_deleted": minio_deleted });
    Ok(answer(&desk.clock, json!({ "backup_name": name, "results": results })))
}
