//! `conform serve`: a record as a page that follows it while the run goes on.

use super::place::{self, CommandError};
use super::voice::{complain, say};
use crate::exit_code::Exit;
use crate::live_server::{LiveServer, Place};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

pub(super) const EXAMPLES: &str = "\
Examples:
  conform serve                           follow the last record, and each later one
  conform serve runs/mine --listen 127.0.0.1:8080

The record need not be there yet, nor finished. The page only reads. Whoever can reach the address can read the record;
only this machine can, unless --listen says otherwise. Ctrl-C ends it.";

/// Arguments of `conform serve`.
#[derive(Debug, Clone, Args)]
pub(super) struct ServeArgs {
    /// Directory of the record [default: reports/latest, wherever it leads]
    pub(super) record: Option<PathBuf>,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8679")]
    pub(super) listen: SocketAddr,
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("{listen} cannot be listened on: {source}; name another address with --listen")]
    Listen { listen: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Serves until a signal ends it.
pub(super) fn serve(args: ServeArgs) -> ExitCode {
    let place = args.record.map_or_else(|| Place::Latest(std::env::current_dir().unwrap_or_default()), Place::Named);
    match serve_at(args.listen, place) {
        Ok(()) => Exit::Fine.into(),
        Err(error) => {
            complain(&error);
            Exit::CouldNotLook.into()
        }
    }
}

fn serve_at(listen: SocketAddr, place: Place) -> Result<(), ServeError> {
    let closed = |source| ServeError::Listen { listen, source };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(closed)?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(closed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(closed)?;
        let server = LiveServer::on(listen, place).await.map_err(closed)?;
        place::print(&format!("http://{}\n", server.address()))?;
        if !server.address().ip().is_loopback() {
            say(&format!("warning: whoever can reach {} can read the record", server.address()));
        }
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}
