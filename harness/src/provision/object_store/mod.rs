//! S3 stores: a `minio` of this machine, or else a server embedded in the harness. A run has one, and each stack that
//! asks for it one of its own.

mod embedded;
mod minio;
mod readiness;

use super::error::ProvisionError;
use super::random;
use super::run::Run;
use super::servers::Running;
use crate::target::{ObjectStoreAccess, Secret};
use std::io;
use std::path::PathBuf;

pub use embedded::{Alone, serve_alone};
pub use readiness::until_ready;

/// The region of the signatures.
pub const REGION: &str = "us-east-1";

/// Between taking a port and listening there somebody else may have come, so that others are tried.
const PORTS_TRIED: u32 = 5;

/// The region of a second store.
pub const OTHER_REGION: &str = "eu-west-1";

/// A store that was started for the run.
pub struct ObjectStore {
    /// How to reach it.
    pub access: ObjectStoreAccess,
    /// What it is, for a report.
    pub description: String,
    /// How to end it.
    pub running: Box<dyn Running>,
}

/// Starts a store with random keys, empty, and returns once it has answered a signed request. `name` names its
/// folder in the run's; it need not be unique.
pub async fn start(run: &Run, name: &str, region: &str) -> Result<ObjectStore, ProvisionError> {
    let folder = folder(run, name)?;
    let mut tried = 0;
    loop {
        tried += 1;
        let ports = (run.ports.take()?, run.ports.take()?);
        let access = ObjectStoreAccess {
            endpoint: format!("http://127.0.0.1:{}", ports.0),
            region: region.to_owned(),
            access_key: random::hex(10),
            secret_key: Secret::new(random::hex(20)),
            console: None,
            clock: false,
            user: None,
        };
        let store = match minio::find() {
            Some(program) => minio::start(run, &program, access, ports, &folder).await?,
            None => match embedded::start(access, ports, folder.clone()).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && tried < PORTS_TRIED => continue,
                started => started.map_err(ProvisionError::system("start the embedded S3 server"))?,
            },
        };
        until_ready(&store.access).await?;
        return Ok(store);
    }
}

fn folder(run: &Run, name: &str) -> Result<PathBuf, ProvisionError> {
    let folder = run.directory.join(format!("{name}-{}", random::hex(4)));
    std::fs::create_dir(&folder).map_err(ProvisionError::file("create", &folder))?;
    Ok(folder)
}

/// What a service must be told of a store: `MINIO_ENDPOINT`, …
pub fn variables(prefix: &str, access: &ObjectStoreAccess) -> [(String, String); 4] {
    [
        ("ENDPOINT", access.endpoint.clone()),
        ("REGION", access.region.clone()),
        ("ROOT_USER", access.access_key.clone()),
        ("ROOT_PASSWORD", access.secret_key.expose().to_owned()),
    ]
    .map(|(name, value)| (format!("{prefix}_{name}"), value))
}
