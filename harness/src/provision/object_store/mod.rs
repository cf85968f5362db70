//! The S3 store of a run: a `minio` of this machine, or else a server embedded in the harness.

mod bucket_settings;
mod buckets;
mod embedded;
mod minio;
mod policy;

use super::error::ProvisionError;
use super::random;
use super::run::Run;
use super::servers::Running;
use crate::target::{ObjectStoreAccess, Secret};

pub use buckets::make_buckets;

/// The region of the signatures.
pub const REGION: &str = "us-east-1";

/// A store that was started for the run.
pub struct ObjectStore {
    /// How to reach it.
    pub access: ObjectStoreAccess,
    /// What it is, for a report.
    pub description: String,
    /// How to end it.
    pub running: Box<dyn Running>,
}

/// Starts a store with random keys; its buckets are not made yet.
pub async fn start(run: &Run) -> Result<ObjectStore, ProvisionError> {
    let port = run.ports.take()?;
    let access = ObjectStoreAccess {
        endpoint: format!("http://127.0.0.1:{port}"),
        region: REGION.to_owned(),
        access_key: random::hex(10),
        secret_key: Secret::new(random::hex(20)),
    };
    let folder = run.directory.join("objects");
    std::fs::create_dir(&folder).map_err(ProvisionError::file("create", &folder))?;
    match minio::find() {
        Some(program) => minio::start(run, &program, access, port, &folder).await,
        None => embedded::start(access, port, &folder).await,
    }
}
