//! A child process: started, watched, ended.

use super::error::ProvisionError;
use super::reaper::Reaper;
use super::spawn::spawn;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::process::{Child, Command, ExitStatus};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a child is asked whether it has ended.
const GLANCE: Duration = Duration::from_millis(2);

/// A running child process, or one that has ended of its own accord. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    last_resort: Signal,
    child: Mutex<Child>,
}

impl Process {
    /// Starts a command under a name for messages. `last_resort` is the signal that ends it for certain and at
    /// once; it comes when the harness dies, too.
    pub async fn start(
        reaper: &Reaper,
        name: &str,
        command: Command,
        last_resort: Signal,
    ) -> Result<Process, ProvisionError> {
        let child = spawn(command, last_resort).await.map_err(ProvisionError::system(format!("start {name}")))?;
        let pid = child.id();
        reaper.process(pid);
        Ok(Process { pid, last_resort, child: Mutex::new(child) })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child().try_wait().ok().flatten()
    }

    /// Waits for it to end by itself.
    pub async fn wait(&self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            match self.ended() {
                None if Instant::now() < deadline => tokio::time::sleep(GLANCE).await,
                ended => return ended,
            }
        }
    }

    /// Asks it to end by the signal, and after the patience makes it. Returns once it is gone.
    pub async fn stop(&self, signal: Signal, patience: Duration) {
        self.signal(signal);
        if self.wait(patience).await.is_none() {
            self.signal(self.last_resort);
        }
        if self.wait(Duration::from_secs(2)).await.is_none() {
            self.signal(Signal::KILL);
            self.wait(Duration::from_secs(5)).await;
        }
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().expect("nobody panics while holding a child")
    }

    /// Signals the child and, as its own children stand with it in one group, those as well.
    pub fn signal(&self, signal: Signal) {
        let mut child = self.child();
        // Until the child has been waited for, its process id cannot be another's.
        if matches!(child.try_wait(), Ok(None)) {
            send(self.pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(self.last_resort);
        let deadline = Instant::now() + Duration::from_secs(1);
        while self.ended().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.signal(Signal::KILL);
        let _ = self.child().wait();
    }
}

/// Ends one process at once, and none of its group.
pub fn send_alone(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Signals a group leader and its group.
pub fn send(pid: u32, signal: Signal) {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    // A child between fork and exec has no group of its own yet.
    if kill_process_group(pid, signal).is_err() {
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A reaper that reads nothing, for processes that need none.
    fn reaper() -> Reaper {
        Reaper::start(Path::new("true")).unwrap()
    }

    async fn start(program: &str, arguments: &[&str]) -> Process {
        let mut command = Command::new(program);
        command.args(arguments);
        Process::start(&reaper(), program, command, Signal::KILL).await.unwrap()
    }

    #[tokio::test]
    async fn a_process_that_ends_by_itself_is_noticed() {
        let process = start("sh", &["-c", "exit 3"]).await;
        let status = process.wait(Duration::from_secs(5)).await.unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(process.ended(), Some(status));
    }

    #[tokio::test]
    async fn a_process_that_does_not_obey_is_killed() {
        let process = start("sh", &["-c", "trap '' TERM; while :; do sleep 1; done"]).await;
        process.stop(Signal::TERM, Duration::from_millis(50)).await;
        assert!(process.ended().is_some());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_dropped_process_is_gone() {
        let process = start("sleep", &["60"]).await;
        let pid = process.pid();
        drop(process);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
