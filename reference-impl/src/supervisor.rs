//! `serve all`: each service as a child process, all of which end together; and how any child ends with its parent.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;

use rustix::process::{Pid, Signal, getppid, kill_process, set_parent_process_death_signal};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::service::Service;

/// Why the ten did not stay together.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// A child could not be started.
    #[error("cannot start {service}: {source}")]
    Start {
        /// Which one.
        service: Service,
        /// Why not.
        source: io::Error,
    },
    /// A child ended although nobody had asked for it.
    #[error("{service} ended by itself ({how}), and the others with it; its own lines above say why")]
    Ended {
        /// Which one.
        service: Service,
        /// With which exit status.
        how: String,
    },
    /// Signals cannot be caught.
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] io::Error),
    /// The parent to follow is gone.
    #[error("the parent process ended before its child began")]
    Orphan,
    /// The system does not tell of a parent's end.
    #[error("cannot ask to be told of the parent's end: {0}")]
    Follow(#[source] io::Error),
    /// The program to become cannot be run.
    #[error("cannot run {program:?}: {source}")]
    Become {
        /// Which one.
        program: OsString,
        /// Why not.
        source: io::Error,
    },
}

/// By which signal a child learns of its parent's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// SIGTERM.
    Terminate,
    /// SIGINT, by which a PostgreSQL server ends without waiting for its clients.
    Interrupt,
}

impl Ending {
    /// Its word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Ending::Terminate => "terminate",
            Ending::Interrupt => "interrupt",
        }
    }

    /// The ending called `word`.
    pub fn from_word(word: &str) -> Option<Ending> {
        [Ending::Terminate, Ending::Interrupt].into_iter().find(|ending| ending.word() == word)
    }

    const fn signal(self) -> Signal {
        match self {
            Ending::Terminate => Signal::TERM,
            Ending::Interrupt => Signal::INT,
        }
    }
}

/// Starts the ten, waits for a signal or for the first of them to end, and takes all down.
pub async fn run_all() -> Result<(), SupervisorError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(SupervisorError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(SupervisorError::Signals)?;
    let mut children = JoinSet::new();
    let mut pids = Vec::new();
    let mut failed = None;
    for service in Service::all() {
        match start(service) {
            Ok(mut child) => {
                pids.extend(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
                children.spawn(async move { (service, child.wait().await) });
            }
            Err(source) => {
                failed = Some(SupervisorError::Start { service, source });
                break;
            }
        }
    }
    if failed.is_none() {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            Some(Ok((service, how))) = children.join_next() => {
                let how = how.map_or_else(|fault| fault.to_string(), |status| status.to_string());
                failed = Some(SupervisorError::Ended { service, how });
            }
        }
    }
    for pid in pids {
        // One that has ended already needs no signal.
        let _ = kill_process(pid, Signal::TERM);
    }
    while children.join_next().await.is_some() {}
    failed.map_or(Ok(()), Err)
}

fn start(service: Service) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(["serve", service.command(), "--with-parent"])
        .arg(std::process::id().to_string())
        .kill_on_drop(true)
        .spawn()
}

/// Asks the system to end this process when its parent does, even if the parent is killed.
///
/// The parent must start its children from a thread that lives as long as it does; the main thread is one.
pub fn end_with(parent: u32, ending: Ending) -> Result<(), SupervisorError> {
    set_parent_process_death_signal(Some(ending.signal())).map_err(|fault| SupervisorError::Follow(fault.into()))?;
    // It may have ended before the request above.
    let still_there = getppid().is_some_and(|pid| pid.as_raw_nonzero().get() == parent.cast_signed());
    if still_there { Ok(()) } else { Err(SupervisorError::Orphan) }
}

/// Becomes another program that ends when `parent` does; returns only if that fails.
pub fn become_tethered(parent: u32, ending: Ending, command: &[OsString]) -> SupervisorError {
    if let Err(error) = end_with(parent, ending) {
        return error;
    }
    let Some((program, arguments)) = command.split_first() else {
        return SupervisorError::Become { program: OsString::new(), source: io::ErrorKind::InvalidInput.into() };
    };
    let source = std::process::Command::new(program).args(arguments).exec();
    SupervisorError::Become { program: program.clone(), source }
}
