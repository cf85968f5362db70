//! `conform object-store`: the embedded S3 store alone, in a container that stands where MinIO's would.

use super::voice::complain;
use crate::exit_code::Exit;
use crate::provision::{Alone, serve_alone};
use crate::target::Secret;
use clap::Args;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Arguments of `conform object-store`. The keys come from `MINIO_ROOT_USER` and `MINIO_ROOT_PASSWORD`.
#[derive(Debug, Clone, Args)]
pub(super) struct ObjectStoreArgs {
    /// Port to listen on
    #[arg(long, default_value_t = 9000)]
    pub(super) port: u16,
    /// Port of its console
    #[arg(long, default_value_t = 9001)]
    pub(super) console_port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub(super) bind: std::net::IpAddr,
    /// Folder for what it holds
    #[arg(long, value_name = "DIR")]
    pub(super) data: PathBuf,
    /// Bytes that it can hold [default: as many as the disk has]
    #[arg(long, value_name = "BYTES")]
    pub(super) capacity: Option<u64>,
}

/// Why the store does not serve.
#[derive(Debug, thiserror::Error)]
enum StoreError {
    #[error("{0} is not set; the store takes its keys from MINIO_ROOT_USER and MINIO_ROOT_PASSWORD")]
    NoKey(&'static str),
    #[error("the store could not serve: {0}; free the port, or name another folder with --data")]
    Io(#[from] io::Error),
}

/// Serves until a signal ends it.
pub(super) fn object_store(args: ObjectStoreArgs) -> ExitCode {
    match serve(args) {
        Ok(()) => Exit::Fine.into(),
        Err(error) => {
            complain(&error);
            match error {
                StoreError::NoKey(_) => Exit::Misused.into(),
                StoreError::Io(_) => Exit::CouldNotLook.into(),
            }
        }
    }
}

fn serve(args: ObjectStoreArgs) -> Result<(), StoreError> {
    let given = |name: &'static str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let needed = |name| given(name).ok_or(StoreError::NoKey(name));
    let user = given("CONFORM_STORE_USER").zip(given("CONFORM_STORE_PASSWORD").map(Secret::new));
    let alone = Alone {
        address: (args.bind, args.port).into(),
        console: (args.bind, args.console_port).into(),
        folder: args.data,
        owner: (needed("MINIO_ROOT_USER")?, Secret::new(needed("MINIO_ROOT_PASSWORD")?)),
        user,
        capacity: args.capacity,
        test_clock: given("AUTOGRAPH_TEST_ENDPOINTS").is_some_and(|value| value == "1"),
    };
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            served = serve_alone(alone) => Ok(served?),
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        }
    })
}
