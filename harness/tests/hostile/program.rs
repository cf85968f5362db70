//! Hostile targets through the command line: how the program ends, what it needs, what it leaves.

use crate::library::{ANSWER, LONGEST_RUN, checked, each_has_its_run, hold, root};
use crate::reports;
use crate::subject::{Enemy, SECRETS, Subject, start};
use harness::record::Record;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

/// More memory is never resident, in kilobytes.
const MOST_MEMORY: u64 = 512 << 10;
/// A record with its reports takes no more bytes.
const HEAVIEST_RECORD: u64 = 64 << 20;

/// Bytes of what stands in a record's folder itself, its reports among them; the evidence has a folder of its own.
fn weight(record: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(record).unwrap().map(|entry| entry.unwrap().metadata().unwrap());
    files.filter(std::fs::Metadata::is_file).map(|file| file.len()).sum()
}

/// The most memory that a process has had so far, in kilobytes.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// `conform run checked` on a target; how it ended, and the most memory it had.
async fn conform(subject: &Subject) -> (Output, u64) {
    let child = tokio::process::Command::new(env!("CARGO_BIN_EXE_conform"))
        .args(["run", "checked", "--answer-within", &format!("{}ms", ANSWER.as_millis()), "--target"])
        .arg(&subject.file)
        .arg("--catalogue")
        .arg(root().join("features/feature_list.json"))
        .arg("--record")
        .arg(subject.folder.path().join("record"))
        .envs(SECRETS)
        .current_dir(subject.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = child.id().unwrap();
    // A thread of its own: whatever keeps the servers busy, memory is looked at.
    let watch = std::thread::spawn(move || {
        let mut most = 0;
        while let Some(now) = peak(pid) {
            most = now;
            std::thread::sleep(Duration::from_millis(10));
        }
        most
    });
    let output = child.wait_with_output().await.unwrap();
    (output, watch.join().unwrap())
}

async fn fare(enemy: Enemy) {
    let what = enemy.what();
    let subject = start(enemy).await;
    let began = Instant::now();
    let (output, most) = conform(&subject).await;
    let took = began.elapsed();
    eprintln!("{:>6.1} s {:>4} MB  {what}", took.as_secs_f64(), most >> 10);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(1 | 3)), "{what}: {:?}: {told}", output.status);
    assert!(!told.contains("panicked"), "{what}: {told}");
    assert!(took < LONGEST_RUN, "{what}: {took:?}");
    assert!(most > 0 && most < MOST_MEMORY, "{what}: {most} KB were resident");
    let dir = subject.folder.path().join("record");
    hold(what, &Record::read(&dir).unwrap(), &checked());
    reports::are_harmless(what, &dir, &output);
    reports::hold_no_secret(what, &dir, &output);
    reports::hold_no_token(what, &dir);
    reports::can_be_printed(what, &dir);
    assert!(weight(&dir) < HEAVIEST_RECORD, "{what}: the record takes {} bytes", weight(&dir));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_a_hostile_target_ends_in_time_and_memory_with_harmless_reports() {
    each_has_its_run(fare).await;
}
