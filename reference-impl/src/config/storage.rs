//! Settings of the object store, of the watch on how full it is, and of the backups of its buckets.

use std::time::Duration;

use super::Secret;
use super::given::{Given, SettingsError};

/// The object store, and a second one for copies of backups.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    /// `MINIO_ENDPOINT`, or `MINIO_HOST` and `MINIO_PORT`; with `MINIO_REGION`, `MINIO_ROOT_USER` and
    /// `MINIO_ROOT_PASSWORD`.
    pub main: StorePlace,
    /// The same with `MINIO_REPLICA_` in front, where there is a second store.
    pub replica: Option<StorePlace>,
    /// `MINIO_BUCKET_DIAGRAMS`, `MINIO_BUCKET_EXPORTS`, `MINIO_BUCKET_UPLOADS`.
    pub buckets: Buckets,
}

/// Where a store is, and how requests to it are signed.
#[derive(Debug, Clone)]
pub struct StorePlace {
    /// `http://host:port`.
    pub endpoint: String,
    /// Region of the signatures.
    pub region: String,
    /// Access key.
    pub user: String,
    /// Secret key.
    pub password: Secret,
}

/// The buckets that the services use.
#[derive(Debug, Clone)]
pub struct Buckets {
    /// Of diagrams.
    pub diagrams: String,
    /// Of exports.
    pub exports: String,
    /// Of uploads.
    pub uploads: String,
}

impl Buckets {
    /// All three.
    pub fn names(&self) -> [&str; 3] {
        [&self.diagrams, &self.exports, &self.uploads]
    }
}

/// The watch on disks.
#[derive(Debug, Clone)]
pub struct Disk {
    /// `DISK_SAMPLE_SECONDS`.
    pub sample_every: Duration,
    /// `STORAGE_CAPACITY_BYTES`: what the object store can hold, as it does not tell itself.
    pub capacity: Option<u64>,
    /// `DISK_WARNING_PERCENT`, from which a warning is logged.
    pub warning_percent: f64,
    /// `DISK_CRITICAL_PERCENT`, from which an alert is raised.
    pub critical_percent: f64,
}

/// Backups of buckets.
#[derive(Debug, Clone)]
pub struct BucketBackups {
    /// `MINIO_BACKUP_ENABLED`: make them by themselves.
    pub scheduled: bool,
    /// `MINIO_BACKUP_INTERVAL_HOURS`.
    pub every: Duration,
    /// `MINIO_BACKUP_BUCKETS`.
    pub buckets: Vec<String>,
    /// `MINIO_BACKUP_DIR`.
    pub folder: String,
}

pub(super) fn object_store(given: &Given) -> Result<ObjectStore, SettingsError> {
    let host = given.text("MINIO_HOST", "localhost");
    let endpoint = format!("http://{host}:{}", given.port("MINIO_PORT", 9000)?);
    let replica = given.get("MINIO_REPLICA_ENDPOINT");
    Ok(ObjectStore {
        main: place(given, "MINIO", endpoint)?,
        replica: replica.map(|endpoint| place(given, "MINIO_REPLICA", endpoint)).transpose()?,
        buckets: Buckets {
            diagrams: given.text("MINIO_BUCKET_DIAGRAMS", "diagrams"),
            exports: given.text("MINIO_BUCKET_EXPORTS", "exports"),
            uploads: given.text("MINIO_BUCKET_UPLOADS", "uploads"),
        },
    })
}

fn place(given: &Given, prefix: &str, default: String) -> Result<StorePlace, SettingsError> {
    let name = |rest: &str| format!("{prefix}_{rest}");
    let endpoint = given.text(&name("ENDPOINT"), &default);
    // Nothing here speaks TLS; a store behind it needs a proxy on this side.
    if !endpoint.starts_with("http://") {
        return Err(given.malformed(&name("ENDPOINT"), "an address that begins with http://"));
    }
    Ok(StorePlace {
        endpoint: endpoint.trim_end_matches('/').to_owned(),
        region: given.text(&name("REGION"), "us-east-1"),
        user: given.text(&name("ROOT_USER"), "minioadmin"),
        password: Secret::new(given.text(&name("ROOT_PASSWORD"), "minioadmin")),
    })
}

pub(super) fn disk(given: &Given) -> Result<Disk, SettingsError> {
    let capacity = match given.get("STORAGE_CAPACITY_BYTES") {
        Some(_) => Some(given.count("STORAGE_CAPACITY_BYTES", 1)?),
        None => None,
    };
    Ok(Disk {
        sample_every: given.seconds("DISK_SAMPLE_SECONDS", 300.0)?,
        capacity,
        warning_percent: given.positive("DISK_WARNING_PERCENT", 70.0)?,
        critical_percent: given.positive("DISK_CRITICAL_PERCENT", 80.0)?,
    })
}

pub(super) fn bucket_backups(given: &Given) -> Result<BucketBackups, SettingsError> {
    let buckets = given.text("MINIO_BACKUP_BUCKETS", "diagrams,exports,uploads");
    let hours = given.positive("MINIO_BACKUP_INTERVAL_HOURS", 168.0)?;
    Ok(BucketBackups {
        scheduled: given.flag("MINIO_BACKUP_ENABLED", true)?,
        every: Duration::from_secs_f64(hours * 3600.0),
        buckets: buckets.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect(),
        folder: given.text("MINIO_BACKUP_DIR", "/tmp/minio_backups"),
    })
}
