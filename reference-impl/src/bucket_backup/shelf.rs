//! Where backups are: in a folder of this machine, and in a bucket of the store.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use serde::Serialize;
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

use super::error::BackupError;
use super::{BUCKET, BackupName, BucketBackups};
use crate::object_store::{Described, ObjectStore, StoreError, Upload};
use crate::telemetry::units::megabytes;

/// A backup in the list of all.
#[derive(Debug, Serialize)]
pub struct Kept {
    backup_name: String,
    size_bytes: u64,
    size_mb: f64,
    modified: String,
    /// Where it is in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Where it is on this machine, if it is nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_only: Option<bool>,
}

/// Where a backup was removed.
#[derive(Debug, Serialize)]
pub struct Removed {
    minio_deleted: bool,
    local_deleted: bool,
}

/// Puts an archive into a store, whose bucket for backups is made if it is not there.
pub(super) async fn keep(store: &ObjectStore, name: &BackupName, path: &Path, size: u64) -> Result<(), BackupError> {
    store.make_bucket(BUCKET).await?;
    let bytes = ReaderStream::new(fs::File::open(path).await?).map_err(Into::into);
    let described = Described { content_type: Some("application/gzip".to_owned()), ..Described::default() };
    Ok(store.put(BUCKET, &name.key(), Upload { size, described, bytes }).await?)
}

/// Brings an archive from a store to this machine.
pub(super) async fn bring(store: &ObjectStore, name: &BackupName, path: &Path) -> Result<(), BackupError> {
    let fetched = match store.get(BUCKET, &name.key(), None).await {
        Err(error) if is_missing(&error) => return Err(BackupError::NoBackup),
        other => other?,
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).await?;
    }
    let unfinished = path.with_extension("part");
    let mut file = fs::File::create(&unfinished).await?;
    let mut bytes = Box::pin(fetched.bytes());
    while let Some(chunk) = bytes.try_next().await? {
        file.write_all(&chunk).await?;
    }
    file.flush().await?;
    Ok(fs::rename(unfinished, path).await?)
}

fn is_missing(error: &StoreError) -> bool {
    error.is("NoSuchKey") || error.is_missing_bucket()
}

impl BucketBackups {
    /// The backup of this name, wherever it is.
    pub(super) async fn find(&self, name: &BackupName) -> Result<Option<Kept>, BackupError> {
        let name = name.to_string();
        Ok(self.list().await?.into_iter().find(|kept| kept.backup_name == name))
    }

    /// All backups, by name.
    pub async fn list(&self) -> Result<Vec<Kept>, BackupError> {
        let mut all = self.local().await?;
        let stored = match self.0.store.list(BUCKET, "").await {
            Err(error) if is_missing(&error) => Vec::new(),
            other => other?,
        };
        for object in stored {
            if let Some(name) = BackupName::of_archive(&object.key) {
                let kept = Kept {
                    backup_name: name.to_string(),
                    size_bytes: object.size,
                    size_mb: megabytes(object.size),
                    modified: object.modified,
                    key: Some(object.key),
                    path: None,
                    local_only: None,
                };
                all.insert(kept.backup_name.clone(), kept);
            }
        }
        Ok(all.into_values().collect())
    }

    async fn local(&self) -> Result<BTreeMap<String, Kept>, BackupError> {
        let mut all = BTreeMap::new();
        let mut folder = match fs::read_dir(&self.0.folder).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(all),
            other => other?,
        };
        while let Some(entry) = folder.next_entry().await? {
            let Some(name) = entry.file_name().to_str().and_then(BackupName::of_archive) else {
                continue;
            };
            let about = entry.metadata().await?;
            let modified: DateTime<Utc> = about.modified()?.into();
            let kept = Kept {
                backup_name: name.to_string(),
                size_bytes: about.len(),
                size_mb: megabytes(about.len()),
                modified: modified.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
                key: None,
                path: Some(entry.path().display().to_string()),
                local_only: Some(true),
            };
            all.insert(name.to_string(), kept);
        }
        Ok(all)
    }

    /// Removes a backup from the store, and from this machine if that is wanted.
    pub async fn remove(&self, name: &BackupName, local: bool) -> Result<Removed, BackupError> {
        let minio_deleted = match self.0.store.has(BUCKET, &name.key()).await {
            Ok(true) => {
                self.0.store.delete(BUCKET, &name.key()).await?;
                true
            }
            Ok(false) => false,
            Err(error) if is_missing(&error) => false,
            Err(error) => return Err(error.into()),
        };
        let local_deleted = local
            && match fs::remove_file(self.path(name)).await {
                Ok(()) => true,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
                Err(error) => return Err(error.into()),
            };
        Ok(Removed { minio_deleted, local_deleted })
    }
}
