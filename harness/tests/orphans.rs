//! Nothing outlives a run: not when it is killed without warning, and not when it is asked to end.

use harness::record::{OUTCOMES_FILE, Record};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Within this time after the end of a run everything that it started is gone.
const SOON: Duration = Duration::from_secs(5);
/// A run that has not come so far by then hangs; the reference may have to be built first.
const BUILT_BY_THEN: Duration = Duration::from_secs(300);
/// How often the run is looked at.
const GLANCE: Duration = Duration::from_millis(10);

// --- A run ---

/// A run of `conform` under way, one check after the other, and everything that it was seen to start.
struct RunUnderWay {
    child: Child,
    folder: tempfile::TempDir,
    family: BTreeSet<Named>,
}

impl RunUnderWay {
    fn start() -> RunUnderWay {
        let folder = tempfile::tempdir().unwrap();
        let told = fs::File::create(folder.path().join("told")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_conform"))
            // With this seed 17 comes first; 42 takes seconds.
            .args(["run", "17", "42", "--seed", "1", "--backend", "native", "--jobs", "1", "--record"])
            .arg(folder.path().join("record"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(told)
            .spawn()
            .unwrap();
        RunUnderWay { child, folder, family: BTreeSet::new() }
    }

    fn record(&self) -> PathBuf {
        self.folder.path().join("record")
    }

    /// What the run said, for the message of a test that fails.
    fn told(&self) -> String {
        fs::read_to_string(self.folder.path().join("told")).unwrap_or_default()
    }

    /// Whole lines in the record so far.
    fn lines(&self) -> usize {
        let text = fs::read(self.record().join(OUTCOMES_FILE)).unwrap_or_default();
        text.iter().filter(|byte| **byte == b'\n').count()
    }

    /// Folders of this run, wherever the system keeps what is temporary.
    fn folders(&self) -> Vec<PathBuf> {
        let begins = format!("autograph-conformance-{}-", self.child.id());
        let places = [std::env::temp_dir(), PathBuf::from("/dev/shm")];
        let entries = places.iter().filter_map(|place| fs::read_dir(place).ok()).flatten().flatten();
        let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&begins));
        ours.map(|entry| entry.path()).collect()
    }

    /// Watches the run until it has come so far.
    fn until(&mut self, what: &str, come_so_far: impl Fn(&RunUnderWay) -> bool) {
        let deadline = Instant::now() + BUILT_BY_THEN;
        while !come_so_far(self) {
            self.look();
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the run ended ({ended:?}) before {what}: {}", self.told());
            assert!(Instant::now() < deadline, "the run never came to {what}: {}", self.told());
            std::thread::sleep(GLANCE);
        }
        self.look();
    }

    /// Watches the run for a while longer.
    fn go_on(&mut self, time: Duration) {
        let until = Instant::now() + time;
        self.until("a while later", |_| Instant::now() >= until);
    }

    /// Remembers every process that descends from the run at this moment.
    fn look(&mut self) {
        let all = processes();
        let mut family = BTreeSet::from([self.child.id()]);
        // Whoever has a parent in the family belongs to it; again, until nobody is added.
        loop {
            let before = family.len();
            family.extend(
                all.iter().filter(|one| family.contains(&one.parent)).map(|one| one.named.pid).collect::<Vec<_>>(),
            );
            if family.len() == before {
                break;
            }
        }
        family.remove(&self.child.id());
        self.family.extend(all.iter().map(|one| one.named).filter(|named| family.contains(&named.pid)));
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().unwrap();
        assert!(sent.success(), "kill -s {signal} {pid}");
    }

    /// Waits for the run itself to end, no longer than it may.
    fn ended(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            self.look();
            match self.child.try_wait().unwrap() {
                Some(status) => return status,
                None => assert!(Instant::now() < deadline, "the run goes on after {within:?}: {}", self.told()),
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// What is left of the run: processes of its family, processes that hold on to its folders, and the folders.
    fn left(&self) -> Vec<String> {
        let mark = format!("autograph-conformance-{}-", self.child.id());
        let processes = processes();
        let survivors = processes
            .iter()
            .filter(|one| one.named.pid != std::process::id())
            .filter(|one| self.family.contains(&one.named) || holds_on_to(one.named.pid, &mark));
        let survivors = survivors.map(|one| format!("process {} {}", one.named.pid, command_line(one.named.pid)));
        let folders = self.folders().into_iter().map(|folder| format!("folder {}", folder.display()));
        survivors.chain(folders).collect()
    }

    fn nothing_is_left(&self, after: &str) {
        let deadline = Instant::now() + SOON;
        loop {
            let left = self.left();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{SOON:?} {after} there is still: {left:#?}");
            std::thread::sleep(GLANCE);
        }
    }
}

impl Drop for RunUnderWay {
    fn drop(&mut self) {
        // After a test that failed half-way; the reaper does the rest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// --- Processes of this machine ---

/// A process for good: its id may be another's later, with another start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    pid: u32,
    start: u64,
}

struct Process {
    named: Named,
    parent: u32,
}

/// Every process that runs; one that has ended and waits for its parent to notice does not.
fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(process).collect()
}

fn process(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may contain anything; state and parent follow, the start is the 20th field.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let runs = !matches!(*fields.first()?, "Z" | "X");
    let named = Named { pid, start: fields.get(19)?.parse().ok()? };
    let parent = fields.get(1)?.parse().ok()?;
    runs.then_some(Process { named, parent })
}

fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// Whether a process names a folder of the run in its arguments or environment, stands in it or writes into it.
fn holds_on_to(pid: u32, mark: &str) -> bool {
    let says = |file: &str| {
        let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        bytes.windows(mark.len()).any(|window| window == mark.as_bytes())
    };
    let leads = |link: &Path| fs::read_link(link).is_ok_and(|to| to.to_string_lossy().contains(mark));
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    says("cmdline")
        || says("environ")
        || leads(Path::new(&format!("/proc/{pid}/cwd")))
        || open.map(|entry| entry.path()).any(|link| leads(&link))
}

// --- Killed without warning ---

fn killed(what: &str, come_so_far: impl Fn(&RunUnderWay) -> bool, and_then: Duration) -> RunUnderWay {
    let mut run = RunUnderWay::start();
    run.until(what, come_so_far);
    run.go_on(and_then);
    // What is looked for afterwards must be seen to be there before.
    let there = run.left();
    for kind in ["process", "folder"] {
        assert!(there.iter().any(|one| one.starts_with(kind)), "no {kind} of the run was seen: {there:#?}");
    }
    run.signal("KILL");
    assert_eq!(run.ended(SOON).code(), None, "it ended by the signal");
    run.nothing_is_left("after the run was killed");
    run
}

/// A killed run leaves a record with its header and whole outcomes, and no end.
fn is_unfinished_and_readable(run: &RunUnderWay) {
    let record = Record::read(&run.record()).unwrap();
    assert!(!record.finished());
    assert_eq!(record.damage, None, "only whole lines stand in it");
    assert_eq!(record.header.selection, [17, 42]);
    assert_eq!(record.header.backend, "native");
    for outcome in &record.outcomes {
        assert!(record.evidence(outcome.feature).unwrap().is_some(), "evidence of f{:03}", outcome.feature);
    }
}

#[test]
fn a_run_killed_while_its_servers_start_leaves_nothing() {
    killed("the folder of the run", |run| !run.folders().is_empty(), Duration::from_millis(300));
}

#[test]
fn a_run_killed_when_its_record_begins_leaves_the_record_alone() {
    let run = killed("the header of the record", |run| run.lines() >= 1, Duration::ZERO);
    is_unfinished_and_readable(&run);
}

#[test]
fn a_run_killed_during_its_first_check_leaves_the_record_alone() {
    let run = killed("the header of the record", |run| run.lines() >= 1, Duration::from_secs(1));
    is_unfinished_and_readable(&run);
}

#[test]
fn a_run_killed_after_its_first_outcome_leaves_that_outcome() {
    let run = killed("the first outcome", |run| run.lines() >= 2, Duration::ZERO);
    is_unfinished_and_readable(&run);
    assert_eq!(Record::read(&run.record()).unwrap().outcomes.len(), 1);
}

#[test]
fn a_run_killed_during_its_second_check_leaves_the_first_outcome() {
    let run = killed("the first outcome", |run| run.lines() >= 2, Duration::from_secs(1));
    is_unfinished_and_readable(&run);
    assert_eq!(Record::read(&run.record()).unwrap().outcomes.len(), 1);
}

// --- Asked to end ---

/// A run that is asked to end takes everything down itself, reports what it found, and says that this is not all.
fn asked_to_end(signal: &str, what: &str, lines: usize) {
    let mut run = RunUnderWay::start();
    run.until(what, |run| run.lines() >= lines);
    run.go_on(Duration::from_millis(500));
    run.signal(signal);
    let status = run.ended(Duration::from_secs(20));
    run.nothing_is_left(&format!("after the run ended by {signal}"));
    assert_eq!(status.code(), Some(3), "after {signal}: {}", run.told());
    is_unfinished_and_readable(&run);
    assert_eq!(Record::read(&run.record()).unwrap().outcomes.len(), lines - 1);
    for name in ["report.html", "report.md", "report.json", "junit.xml"] {
        assert!(run.record().join(name).is_file(), "no {name} after {signal}");
    }
    assert!(run.told().contains("interrupted"), "{}", run.told());
}

#[test]
fn ctrl_c_while_the_servers_start_leaves_nothing() {
    let mut run = RunUnderWay::start();
    run.until("the folder of the run", |run| !run.folders().is_empty());
    run.signal("INT");
    let status = run.ended(Duration::from_secs(20));
    run.nothing_is_left("after the run ended by INT");
    assert_eq!(status.code(), Some(3), "{}", run.told());
}

#[test]
fn ctrl_c_during_the_first_check_ends_a_run_in_order() {
    asked_to_end("INT", "the header of the record", 1);
}

#[test]
fn a_request_to_end_after_the_first_outcome_ends_a_run_in_order() {
    asked_to_end("TERM", "the first outcome", 2);
}
