//! Runs a command to its end.

use super::error::ProvisionError;
use super::log_file;
use super::process::Process;
use super::random;
use super::run::Run;
use rustix::process::Signal;
use std::process::Command;
use std::time::Duration;

/// Runs it; an error unless it succeeds in time. `shown` is how messages name it, without its secrets.
pub async fn complete(run: &Run, shown: &str, mut command: Command, patience: Duration) -> Result<(), ProvisionError> {
    let log = run.directory.join(format!("command-{}.log", random::hex(4)));
    log_file::attach(&mut command, &log)?;
    let process = Process::start(&run.reaper, shown, command, Signal::KILL).await?;
    let reason = match process.wait(patience).await {
        Some(status) if status.success() => return Ok(()),
        Some(status) => status.to_string(),
        None => format!("not done after {patience:?}"),
    };
    Err(ProvisionError::CommandFailed { command: shown.to_owned(), reason, output: log_file::tail(&log) })
}
