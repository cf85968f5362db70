//! Errands: commands of a target file that only look, at a log or a process id. Nothing that they leave behind outlives us.
//!
//! Whatever descends from an errand bears its mark in its environment, however far it has gone from its group and its
//! session; only what changes its user or empties its environment loses the mark. What `[control]` starts bears none, and
//! stays as it is meant to.

use super::process::send_alone;
use super::random;
use super::spawn::spawn_awaited;
use rustix::process::Signal;
use std::os::unix::ffi::OsStrExt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::process::{Child, Command};

/// The variable with the mark.
const VARIABLE: &str = "CONFORM_ERRAND";
/// The processes are gone through so often at most; some have children meanwhile.
const MOST_ROUNDS: usize = 20;
/// What a process takes to be gone, about.
const GONE: Duration = Duration::from_millis(2);

/// How the marks of this process begin.
static OURS: LazyLock<String> = LazyLock::new(|| format!("{VARIABLE}={}-", random::hex(16)));
/// How many errands were sent.
static SENT: AtomicU64 = AtomicU64::new(0);

/// An errand that was sent. Where it is dropped before its end was seen, all that descends from it is ended.
#[derive(Debug)]
pub struct Errand {
    mark: String,
    over: bool,
}

impl Errand {
    /// An errand, and the command to send it with.
    pub fn new(program: &str) -> (Errand, Command) {
        let mark = format!("{}{};", *OURS, SENT.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(program);
        command.env(VARIABLE, mark.split_once('=').map_or("", |(_, value)| value));
        (Errand { mark, over: false }, command)
    }

    /// Starts its command; what the command itself runs as is gone with us, even where we are killed.
    pub async fn start(command: Command) -> std::io::Result<Child> {
        spawn_awaited(command, Signal::KILL).await
    }

    /// Notes that it has come to its end.
    pub fn is_over(mut self) {
        self.over = true;
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        if !self.over {
            end_marked(&self.mark);
        }
    }
}

/// Ends whatever the errands of this process have left behind.
pub fn end_errands() {
    if SENT.load(Ordering::Relaxed) > 0 {
        end_marked(&OURS);
    }
}

/// Ends every process whose mark begins so. Looking through all processes takes some milliseconds; elsewhere than on
/// Linux nothing is found.
fn end_marked(beginning: &str) {
    for _ in 0..MOST_ROUNDS {
        let marked = marked(beginning);
        if marked.is_empty() {
            return;
        }
        marked.into_iter().for_each(send_alone);
        std::thread::sleep(GONE);
    }
}

/// Whether a process descends from an errand of ours.
pub fn left_by_an_errand(pid: u32) -> bool {
    bears(pid, &OURS)
}

fn bears(pid: u32, beginning: &str) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|one| one.starts_with(beginning.as_bytes()))
}

fn marked(beginning: &str) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids =
        processes.filter_map(|entry| std::str::from_utf8(entry.file_name().as_bytes()).ok()?.parse::<u32>().ok());
    pids.filter(|&pid| bears(pid, beginning)).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::Stdio;

    /// A command that leaves a daemon in a session of its own, and says which process that is.
    async fn daemon_of(mut command: Command) -> u32 {
        let script = "setsid sh -c 'echo $$; exec sleep 300 >/dev/null' 2>/dev/null </dev/null &";
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
        let child = Errand::start(command).await.unwrap();
        let printed = child.wait_with_output().await.unwrap().stdout;
        let pid = String::from_utf8(printed).unwrap().trim().parse().unwrap();
        assert!(is_there(pid));
        pid
    }

    fn is_there(pid: u32) -> bool {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.starts_with(b"sleep"))
    }

    fn is_gone(pid: u32) -> bool {
        (0..500).any(|_| {
            std::thread::sleep(GONE);
            !is_there(pid)
        })
    }

    #[tokio::test]
    async fn what_an_errand_leaves_behind_is_ended_and_what_was_started_for_good_is_not() {
        let (errand, command) = Errand::new("sh");
        let (other, other_command) = Errand::new("sh");
        let (left, of_other) = (daemon_of(command).await, daemon_of(other_command).await);
        let started = daemon_of(Command::new("sh")).await;
        drop(errand);
        assert!(is_gone(left));
        assert!(is_there(of_other) && is_there(started));
        assert!(left_by_an_errand(of_other) && !left_by_an_errand(started));
        let mark = other.mark.clone();
        other.is_over();
        assert!(is_there(of_other), "what has come to its end is seen to once, when all else has");
        end_marked(&mark);
        assert!(is_gone(of_other) && is_there(started));
        send_alone(started);
        assert!(is_gone(started));
    }
}
