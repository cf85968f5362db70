//! Runs a command to its end.

use super::error::ProvisionError;
use super::log_file;
use super::process::Process;
use super::random;
use super::run::Run;
use rustix::process::Signal;
use std::process::Command;
use std::time::Duration;

/// What a command left behind.
pub struct Printed {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// The end of what it printed.
    pub output: String,
}

/// Runs it; an error unless it succeeds in time. `shown` is how messages name it, without its secrets.
pub async fn complete(run: &Run, shown: &str, command: Command, patience: Duration) -> Result<(), ProvisionError> {
    match run_to_end(run, shown, command, patience).await? {
        Printed { code: Some(0), .. } => Ok(()),
        Printed { code, output } => {
            let reason = code.map_or("ended by a signal".to_owned(), |code| format!("exit code {code}"));
            Err(ProvisionError::CommandFailed { command: shown.to_owned(), reason, output })
        }
    }
}

/// Runs it, however it ends; an error only where it does not end in time.
pub async fn run_to_end(
    run: &Run,
    shown: &str,
    mut command: Command,
    patience: Duration,
) -> Result<Printed, ProvisionError> {
    let log = run.directory.join(format!("command-{}.log", random::hex(4)));
    log_file::attach(&mut command, &log)?;
    let process = Process::start(&run.reaper, shown, command, Signal::KILL).await?;
    let ended = process.wait(patience).await;
    let output = log_file::tail(&log);
    match ended {
        Some(status) => Ok(Printed { code: status.code(), output }),
        None => {
            let reason = format!("not done after {patience:?}");
            Err(ProvisionError::CommandFailed { command: shown.to_owned(), reason, output })
        }
    }
}
