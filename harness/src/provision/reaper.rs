//! Cleans up after a harness that was killed.
//!
//! The harness starts its own executable once more as `conform reap` and tells it through a pipe what it has made.
//! However the harness ends, the pipe ends with it, and the reaper removes what is left.

use super::error::ProvisionError;
use super::process::send;
use super::{docker, process_identity};
use rustix::process::Signal;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The subcommand of `conform` that is the reaper.
pub const SUBCOMMAND: &str = "reap";

/// The harness's end of the pipe.
#[derive(Debug)]
pub struct Reaper {
    running: Mutex<Option<(Child, ChildStdin)>>,
}

impl Reaper {
    /// Starts the reaper in a process group of its own, so that what kills the harness's group spares it.
    pub fn start(conform: &Path) -> Result<Reaper, ProvisionError> {
        let mut child = Command::new(conform)
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()
            .map_err(ProvisionError::system(format!("start the reaper, `{} {SUBCOMMAND}`", conform.display())))?;
        let orders = child.stdin.take().expect("its standard input is a pipe");
        Ok(Reaper { running: Mutex::new(Some((child, orders))) })
    }

    /// There is a child process, which leads a process group of its own.
    pub fn process(&self, pid: u32) {
        if let Some(start) = process_identity::started(pid) {
            self.tell(&format!("process {pid} {start}"));
        }
    }

    /// There is, or is about to be, a folder that must go.
    pub fn directory(&self, path: &Path) {
        self.tell(&format!("directory {}", path.display()));
    }

    /// There are, or are about to be, containers labelled with the run.
    pub fn containers(&self, run_id: &str) {
        self.tell(&format!("containers {run_id}"));
    }

    /// Ends the pipe and returns once the reaper has looked after everything and is gone.
    pub fn dismiss(&self) {
        let running = self.running.lock().map(|mut running| running.take());
        if let Ok(Some((mut child, orders))) = running {
            drop(orders);
            let _ = child.wait();
        }
    }

    fn tell(&self, line: &str) {
        if let Ok(mut running) = self.running.lock()
            && let Some((_, orders)) = running.as_mut()
        {
            // A reaper that is gone cannot be told anything; the parent-death signals remain.
            let _ = writeln!(orders, "{line}");
        }
    }
}

/// What a reaper has been told.
#[derive(Debug, Default, PartialEq, Eq)]
struct Estate {
    processes: Vec<(u32, u64)>,
    directories: Vec<PathBuf>,
    runs: Vec<String>,
}

/// The reaper itself: `conform reap`. Reads standard input to its end, then removes all that it was told of.
pub fn reap() -> ExitCode {
    let estate = Estate::read(std::io::stdin().lock());
    estate.end_processes(Duration::from_millis(500));
    estate.remove_containers();
    if estate.remove_directories(Duration::from_secs(5)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Estate {
    fn read(orders: impl BufRead) -> Estate {
        let mut estate = Estate::default();
        for line in orders.lines().map_while(Result::ok) {
            match line.split_once(' ') {
                Some(("process", words)) => estate.processes.extend(parse_process(words)),
                Some(("directory", path)) => estate.directories.push(path.into()),
                Some(("containers", run_id)) => estate.runs.push(run_id.into()),
                _ => {}
            }
        }
        estate
    }

    fn living(&self) -> impl Iterator<Item = u32> {
        let alive = |&&(pid, start): &&(u32, u64)| process_identity::is_alive(pid, start);
        self.processes.iter().filter(alive).map(|&(pid, _)| pid)
    }

    /// Politely first: PostgreSQL gives its shared memory back only if it can end by itself.
    fn end_processes(&self, patience: Duration) {
        self.living().for_each(|pid| send(pid, Signal::INT));
        let deadline = Instant::now() + patience;
        while self.living().next().is_some() {
            if Instant::now() > deadline {
                self.living().for_each(|pid| send(pid, Signal::KILL));
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn remove_containers(&self) {
        if self.runs.is_empty() {
            return;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            for run_id in &self.runs {
                runtime.block_on(docker::remove_run(run_id));
            }
        }
    }

    /// Whether all are gone. A dying server may still write into one, so it is tried until patience ends.
    fn remove_directories(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            for directory in &self.directories {
                let _ = std::fs::remove_dir_all(directory);
            }
            let gone = !self.directories.iter().any(|directory| directory.exists());
            if gone || Instant::now() > deadline {
                return gone;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn parse_process(words: &str) -> Option<(u32, u64)> {
    let (pid, start) = words.split_once(' ')?;
    Some((pid.parse().ok()?, start.parse().ok()?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn orders_are_understood_and_nonsense_is_passed_over() {
        let estate = Estate::read(&b"process 12 345\nprocess x\ndirectory /tmp/a b\n\nsing\ncontainers 12-ab\n"[..]);
        assert_eq!(estate.processes, [(12, 345)]);
        assert_eq!(estate.directories, [PathBuf::from("/tmp/a b")]);
        assert_eq!(estate.runs, ["12-ab"]);
    }

    #[test]
    fn a_process_is_ended_but_not_a_later_one_with_the_same_id() {
        let mut child = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let start = process_identity::started(child.id()).unwrap();
        let told = |start| Estate { processes: vec![(child.id(), start)], ..Estate::default() };
        let (later, ours) = (told(start + 1), told(start));

        later.end_processes(Duration::ZERO);
        assert!(child.try_wait().unwrap().is_none());

        ours.end_processes(Duration::from_secs(5));
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn folders_are_removed_with_what_is_in_them() {
        let path = std::env::temp_dir().join(format!("reaper-{}", crate::provision::random::hex(4)));
        std::fs::create_dir_all(path.join("deep")).unwrap();
        let estate = Estate { directories: vec![path.clone()], ..Estate::default() };
        assert!(estate.remove_directories(Duration::ZERO));
        assert!(!path.exists());
    }
}
