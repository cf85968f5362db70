//! `/api/admin/minio/…`: makes, lists, brings back and removes backups of buckets (feature 49).

use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::backup::{answer, to_the_end};
use crate::bucket_backup::error::BackupError;
use crate::bucket_backup::{BackupName, BucketBackups, Order, Wanted};
use crate::clock::Clock;
use crate::error::ApiError;
use crate::parse::QueryOf;
use crate::startup::Context;

/// The routes under `/api/admin/minio`.
pub fn router(context: &Context, backups: BucketBackups) -> Router {
    let desk = Desk { backups, clock: context.clock.clone() };
    Router::new()
        .route("/api/admin/minio/buckets", get(buckets))
        .route("/api/admin/minio/backup/create", post(create))
        .route("/api/admin/minio/backup/restore", post(restore))
        .route("/api/admin/minio/backup/list", get(list))
        .route("/api/admin/minio/backup/{name}", delete(remove))
        .with_state(desk)
}

#[derive(Clone)]
struct Desk {
    backups: BucketBackups,
    clock: Clock,
}

async fn buckets(State(desk): State<Desk>) -> Result<Json<Value>, ApiError> {
    let buckets = desk.backups.buckets().await?;
    Ok(answer(&desk.clock, json!({ "count": buckets.len(), "buckets": buckets })))
}

#[derive(Deserialize)]
struct NewBackup {
    bucket_name: String,
    backup_name: Option<String>,
    #[serde(default)]
    include_versions: bool,
    #[serde(default)]
    replicate: bool,
}

async fn create(State(desk): State<Desk>, QueryOf(asked): QueryOf<NewBackup>) -> Result<Json<Value>, ApiError> {
    let name = match &asked.backup_name {
        Some(name) => BackupName::new(name)?,
        None => BackupName::dated("bucket", &asked.bucket_name, desk.clock.now())?,
    };
    let order =
        Order { bucket: asked.bucket_name, name, include_versions: asked.include_versions, replicate: asked.replicate };
    let backups = desk.backups.clone();
    let made = to_the_end(async move { backups.create(order).await }).await?;
    Ok(answer(&desk.clock, json!({ "backup": made })))
}

#[derive(Deserialize)]
struct Asked {
    backup_name: String,
    target_bucket: Option<String>,
    #[serde(default)]
    overwrite: bool,
    /// `replica` for the copy in the other region.
    source: Option<String>,
}

async fn restore(State(desk): State<Desk>, QueryOf(asked): QueryOf<Asked>) -> Result<Json<Value>, ApiError> {
    let from_replica = match asked.source.as_deref() {
        None | Some("main") => false,
        Some("replica") => true,
        Some(_) => return Err(ApiError::invalid("value_invalid", &["query", "source"], "main or replica")),
    };
    let wanted = Wanted {
        name: BackupName::new(&asked.backup_name)?,
        target: asked.target_bucket,
        overwrite: asked.overwrite,
        from_replica,
    };
    let backups = desk.backups.clone();
    let restored = to_the_end(async move { backups.restore(wanted).await }).await?;
    Ok(answer(&desk.clock, json!({ "restore": restored })))
}

async fn list(State(desk): State<Desk>) -> Result<Json<Value>, ApiError> {
    let backups = desk.backups.list().await?;
    Ok(answer(&desk.clock, json!({ "count": backups.len(), "backups": backups })))
}

#[derive(Deserialize)]
struct From {
    delete_local: Option<bool>,
}

async fn remove(
    State(desk): State<Desk>,
    Path(name): Path<String>,
    QueryOf(from): QueryOf<From>,
) -> Result<Json<Value>, ApiError> {
    // A name that none can have is one that is not there.
    let name = BackupName::new(&name).map_err(|_| BackupError::NoBackup)?;
    let (backups, removed) = (desk.backups.clone(), name.clone());
    let local = from.delete_local.unwrap_or(true);
    let results = to_the_end(async move { backups.remove(&removed, local).await }).await?;
    Ok(answer(&desk.clock, json!({ "backup_name": name.to_string(), "results": results })))
}
