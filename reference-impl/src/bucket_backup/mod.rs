//! Backups of buckets: made, listed, brought back, removed, copied to another region, also by themselves (feature 49).

mod archive;
pub mod error;
mod names;
mod restore;
mod schedule;
mod shelf;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use tracing::info;

use crate::clock::Clock;
use crate::config;
use crate::object_store::ObjectStore;
use crate::startup::{Context, StartupError};
use crate::telemetry::units::megabytes;

use archive::Written;
use error::BackupError;

pub use archive::Metadata;
pub use names::BackupName;
pub use restore::{Restored, Wanted};
pub use shelf::{Kept, Removed};

/// The bucket that backups are kept in.
pub const BUCKET: &str = "minio-backups";

/// Makes backups and brings them back; clones share everything.
#[derive(Clone)]
pub struct BucketBackups(Arc<Inner>);

struct Inner {
    store: ObjectStore,
    replica: Option<ObjectStore>,
    folder: PathBuf,
    clock: Clock,
}

/// A backup that was asked for.
#[derive(Debug, Clone)]
pub struct Order {
    /// Of which bucket.
    pub bucket: String,
    /// What it is to be called.
    pub name: BackupName,
    /// Whether old versions and marks of deletion go into it as well.
    pub include_versions: bool,
    /// Whether it is copied to the other region.
    pub replicate: bool,
}

/// A backup that was made.
#[derive(Debug, Serialize)]
pub struct Made {
    backup_name: String,
    bucket_name: String,
    archive_path: String,
    archive_size_bytes: u64,
    archive_size_mb: f64,
    object_count: u64,
    version_count: u64,
    total_size_bytes: u64,
    total_size_mb: f64,
    include_versions: bool,
    timestamp: String,
    backup_key: String,
    replica: Option<Replica>,
    success: bool,
}

/// Where a copy of a backup is.
#[derive(Debug, Serialize)]
struct Replica {
    region: String,
    bucket: &'static str,
    backup_key: String,
}

impl BucketBackups {
    /// Backups for the stores of the settings, made by themselves where the settings say so.
    pub fn watch(context: &Context) -> Result<BucketBackups, StartupError> {
        let settings = &context.settings.object_store;
        let open = |place: &config::StorePlace| {
            ObjectStore::new(place)
                .map_err(|error| StartupError::Part { part: "the way to the object store", source: error.into() })
        };
        let backups = BucketBackups(Arc::new(Inner {
            store: open(&settings.main)?,
            replica: settings.replica.as_ref().map(open).transpose()?,
            folder: PathBuf::from(&context.settings.bucket_backups.folder),
            clock: context.clock.clone(),
        }));
        schedule::begin(context, backups.clone());
        Ok(backups)
    }

    /// The names of all buckets of the store.
    pub async fn buckets(&self) -> Result<Vec<String>, BackupError> {
        Ok(self.0.store.buckets().await?)
    }

    /// Makes a backup: on this machine first, then in the store, then in the other region.
    pub async fn create(&self, order: Order) -> Result<Made, BackupError> {
        if order.replicate && self.0.replica.is_none() {
            return Err(BackupError::NoReplica);
        }
        if !self.0.store.has_bucket(&order.bucket).await? {
            return Err(BackupError::NoBucket);
        }
        if self.find(&order.name).await?.is_some() {
            return Err(BackupError::Taken);
        }
        let timestamp = crate::telemetry::json_log::timestamp(&self.0.clock);
        let path = self.path(&order.name);
        let written = archive::write(&self.0.store, &order, &timestamp, &path).await?;
        let size = tokio::fs::metadata(&path).await?.len();
        shelf::keep(&self.0.store, &order.name, &path, size).await?;
        let replica = match (&self.0.replica, order.replicate) {
            (Some(replica), true) => {
                shelf::keep(replica, &order.name, &path, size).await?;
                Some(Replica { region: replica.region().to_owned(), bucket: BUCKET, backup_key: order.name.key() })
            }
            _ => None,
        };
        info!(bucket = order.bucket, backup_name = %order.name, archive_size_bytes = size, "Bucket backed up");
        Ok(made(order, written, (&path, size), timestamp, replica))
    }

    fn path(&self, name: &BackupName) -> PathBuf {
        self.0.folder.join(name.file())
    }
}

fn made(
    order: Order,
    written: Written,
    (path, size): (&Path, u64),
    timestamp: String,
    replica: Option<Replica>,
) -> Made {
    Made {
        backup_name: order.name.to_string(),
        bucket_name: order.bucket,
        archive_path: path.display().to_string(),
        archive_size_bytes: size,
        archive_size_mb: megabytes(size),
        object_count: written.objects,
        version_count: written.versions,
        total_size_bytes: written.bytes,
        total_size_mb: megabytes(written.bytes),
        include_versions: order.include_versions,
        timestamp,
        backup_key: order.name.key(),
        replica,
        success: true,
    }
}
