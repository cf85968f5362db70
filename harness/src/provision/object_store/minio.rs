//! A `minio` that is installed on this machine, as a process of the run.

use super::ObjectStore;
use crate::provision::error::ProvisionError;
use crate::provision::log_file;
use crate::provision::native::programs;
use crate::provision::process::Process;
use crate::provision::run::Run;
use crate::provision::servers::Running;
use crate::target::{Boxed, ObjectStoreAccess};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The program, if it is on the search path.
pub fn find() -> Option<PathBuf> {
    programs::on_path("minio").into_iter().next()
}

/// Starts it; whether it is ready, the first signed request will tell.
pub async fn start(
    run: &Run,
    program: &Path,
    access: ObjectStoreAccess,
    (port, console): (u16, u16),
    folder: &Path,
) -> Result<ObjectStore, ProvisionError> {
    let mut command = Command::new(program);
    command
        .arg("server")
        .arg(folder)
        .args(["--quiet", "--address", &format!("127.0.0.1:{port}")])
        .args(["--console-address", &format!("127.0.0.1:{console}")])
        .current_dir("/")
        .env_clear()
        .env("HOME", folder)
        .env("MINIO_ROOT_USER", &access.access_key)
        .env("MINIO_ROOT_PASSWORD", access.secret_key.expose());
    log_file::attach(&mut command, &run.directory.join(format!("minio-{port}.log")))?;
    let process = Process::start(&run.reaper, "minio", command, Signal::KILL).await?;
    let access = ObjectStoreAccess { console: Some(format!("http://127.0.0.1:{console}")), ..access };
    Ok(ObjectStore { access, description: format!("minio ({})", program.display()), running: Box::new(Minio(process)) })
}

struct Minio(Process);

impl Running for Minio {
    fn stop(self: Box<Self>) -> Boxed<'static, ()> {
        Box::pin(async move { self.0.stop(Signal::TERM, Duration::from_secs(2)).await })
    }
}
