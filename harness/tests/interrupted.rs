//! A run that is killed loses nothing that it had found, and another goes on where it stood.

use harness::doubles::{Worthless, WorthlessServer};
use harness::outcome::Verdict;
use harness::record::Record;
use harness::target::Service;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Kills, at moments that a seed spreads over a whole run.
const KILLS: u64 = 100;
/// Runs at a time.
const AT_A_TIME: u64 = 4;
/// By then even a busy machine has come through a run.
const LONGEST: Duration = Duration::from_secs(4);
const FEATURES: usize = 679;

fn catalogue() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../features/feature_list.json").canonicalize().unwrap()
}

/// A target file for a server that answers everything with 200 and nothing.
fn target_file(folder: &Path, base: &str) -> PathBuf {
    let mut text = String::from("name = \"worthless\"\n");
    for service in Service::ALL {
        writeln!(text, "[services.{}]\nurl = \"{base}\"", service.short()).unwrap();
    }
    let path = folder.join("worthless.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn run(folder: &Path, target: &Path, place: [&str; 2]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_conform"))
        .args(["run", "--answer-within", "300ms"])
        .args(place)
        .arg("--target")
        .arg(target)
        .arg("--catalogue")
        .arg(catalogue())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// SplitMix64, for moments that are the same in every run of this test.
fn moment(kill: u64) -> Duration {
    let mut z = kill.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let spread = (z >> 11) as f64 / (1_u64 << 53) as f64;
    // Most of a run is over early, so most moments are early ones.
    LONGEST.mul_f64(spread * spread)
}

/// What a killed run left: whole outcomes, each feature once, and no file half written.
fn left(dir: &Path) -> Option<Record> {
    let record = match Record::read(dir) {
        Ok(record) => record,
        // Killed before the header stood there whole.
        Err(_) => {
            let text = std::fs::read(dir.join("outcomes.jsonl")).unwrap_or_default();
            assert!(!text.contains(&b'\n'), "{}", String::from_utf8_lossy(&text));
            return None;
        }
    };
    for outcome in &record.outcomes {
        record.evidence(outcome.feature).unwrap();
    }
    Some(record)
}

fn kill_at(kill: u64, base: &str) -> Option<Record> {
    let folder = tempfile::tempdir().unwrap();
    let target = target_file(folder.path(), base);
    let mut child = run(folder.path(), &target, ["--record", "record"]);
    std::thread::sleep(moment(kill));
    child.kill().unwrap();
    child.wait().unwrap();
    let before = left(&folder.path().join("record"));
    let before = before.filter(|record| !record.finished())?;
    let ended: ExitStatus = run(folder.path(), &target, ["--resume", "record"]).wait().unwrap();
    let after = Record::read(&folder.path().join("record")).unwrap();
    assert!(ended.code().is_some_and(|code| code == 1 || code == 3), "{ended}");
    assert!(after.finished() && after.missing().is_empty(), "kill {kill}");
    assert_eq!(after.outcomes.len(), FEATURES);
    assert_eq!(after.header, before.header);
    assert!(!after.totals().contains_key(&Verdict::Pass));
    for outcome in &before.outcomes {
        assert_eq!(after.outcome(outcome.feature), Some(outcome), "judged twice after kill {kill}");
    }
    Some(before)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_at_any_moment_is_gone_on_with_and_loses_nothing() {
    let server = WorthlessServer::start(Worthless::Always(200)).await.unwrap();
    let base = server.base();
    let threads = (0..AT_A_TIME).map(|thread| {
        let base = base.clone();
        let kills = (0..KILLS).filter(move |kill| kill % AT_A_TIME == thread);
        tokio::task::spawn_blocking(move || kills.filter_map(|kill| kill_at(kill, &base)).collect::<Vec<Record>>())
    });
    let mut resumed = Vec::new();
    for thread in threads.collect::<Vec<_>>() {
        resumed.extend(thread.await.unwrap());
    }
    assert!(!resumed.is_empty(), "no run was killed on its way");
    let halfway = resumed.iter().filter(|record| !record.outcomes.is_empty()).count();
    eprintln!("{} of {KILLS} runs were killed on their way, {halfway} of them with outcomes", resumed.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_never_write_one_record() {
    let server = WorthlessServer::start(Worthless::Mute).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = target_file(folder.path(), &server.base());
    let mut first = run(folder.path(), &target, ["--record", "record"]);
    let outcomes = folder.path().join("record/outcomes.jsonl");
    while !std::fs::read(&outcomes).is_ok_and(|text| text.contains(&b'\n')) {
        assert!(first.try_wait().unwrap().is_none(), "the first run ended before it wrote anything");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for place in [["--record", "record"], ["--resume", "record"]] {
        let second = run(folder.path(), &target, place).wait().unwrap();
        assert_eq!(second.code(), Some(2), "{place:?}");
    }
    first.wait().unwrap();
    let record = Record::read(&folder.path().join("record")).unwrap();
    assert!(record.finished());
    assert_eq!(record.outcomes.len(), FEATURES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_lacks_nothing_but_its_end_is_ended() {
    let server = WorthlessServer::start(Worthless::Always(200)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = target_file(folder.path(), &server.base());
    run(folder.path(), &target, ["--record", "record"]).wait().unwrap();
    let path = folder.path().join("record/outcomes.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let end = text.trim_end().rfind('\n').unwrap();
    std::fs::write(&path, &text[..=end]).unwrap();
    let before = Record::read(&folder.path().join("record")).unwrap();
    assert!(!before.finished() && before.missing().is_empty());
    run(folder.path(), &target, ["--resume", "record"]).wait().unwrap();
    let after = Record::read(&folder.path().join("record")).unwrap();
    assert!(after.finished());
    assert_eq!(after.outcomes, before.outcomes);
}
