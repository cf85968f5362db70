//! Programs of PostgreSQL as children of this process, which end when it does, however it ends.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use super::account::Account;
use super::error::BackupError;
use crate::supervisor;

/// How long a program may take.
pub const LIMIT: Duration = Duration::from_secs(300);

/// How much of what a program said is passed on.
const TAIL: usize = 600;

/// A command for `program` that ends with this process, run as `account`; nothing is inherited but what is set later.
///
/// This very binary comes between: it asks the system to be ended with its parent, then becomes the program.
pub fn tethered(program: &Path, ending: supervisor::Ending, account: Option<Account>) -> Command {
    // By this name it can be run also by an account that may not enter the folder it is in.
    let mut command = Command::new("/proc/self/exe");
    command.arg("tethered").arg(std::process::id().to_string()).arg(ending.word()).arg("--").arg(program);
    command.env_clear().current_dir("/").stdin(Stdio::null()).kill_on_drop(true);
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
    command
}

/// Runs `program` to its end, within the limit; a failure holds the end of what it said.
pub async fn run(
    name: &'static str,
    program: &Path,
    arguments: impl IntoIterator<Item = OsString>,
    environment: &[(&'static str, String)],
) -> Result<Output, BackupError> {
    let mut command = tethered(program, supervisor::Ending::Terminate, None);
    command.args(arguments).envs(environment.iter().map(|(name, value)| (*name, value.as_str())));
    let failed = |how: String, said: &[u8]| BackupError::Program { program: name, how, said: tail(said) };
    let output = match tokio::time::timeout(LIMIT, command.output()).await {
        Err(_) => return Err(failed(format!("not done within {LIMIT:?}"), b"")),
        Ok(Err(error)) => return Err(failed("cannot be started".to_owned(), error.to_string().as_bytes())),
        Ok(Ok(output)) => output,
    };
    if output.status.success() { Ok(output) } else { Err(failed(output.status.to_string(), &output.stderr)) }
}

/// Arguments of different kinds in one list.
pub fn arguments<const N: usize>(all: [&dyn AsRef<std::ffi::OsStr>; N]) -> Vec<OsString> {
    all.iter().map(|one| one.as_ref().to_owned()).collect()
}

/// The last lines of what a program said.
pub fn tail(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let text = text.trim();
    let start = text.len().saturating_sub(TAIL);
    let start = (start..).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text[start..].to_owned()
}

/// Runs work that blocks beside the event loop.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
