//! Worthless targets through the command line.

use crate::target_file::{KEY, KEY_VALUE, Stores, write};
use harness::checks;
use harness::doubles::{Worthless, WorthlessServer};
use harness::outcome::Verdict;
use harness::record::Record;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// `conform run WORDS` in a folder, against the target that the file describes; its record is `record` there.
async fn conform(folder: &Path, file: &Path, words: &[&str]) -> Output {
    tokio::process::Command::new(env!("CARGO_BIN_EXE_conform"))
        .args(["run", "--answer-within", "800ms"])
        .args(words)
        .arg("--target")
        .arg(file)
        .arg("--catalogue")
        .arg(root().join("features/feature_list.json"))
        .arg("--record")
        .arg(folder.join("record"))
        .env(KEY, KEY_VALUE)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

async fn worthless_run(kind: Worthless) {
    let what = kind.what();
    let folder = tempfile::tempdir().unwrap();
    let server = WorthlessServer::start(kind).await.unwrap();
    let file = write(folder.path(), &server.base(), Stores::Missing);
    let output = conform(folder.path(), &file, &["checked"]).await;
    let told = String::from_utf8_lossy(&output.stderr);

    let record = Record::read(&folder.path().join("record")).unwrap();
    assert!(record.finished(), "a target that {what}");
    assert_eq!(record.header.backend, "external");
    assert_eq!(record.header.target, "worthless");
    let fails = record.totals().contains_key(&Verdict::Fail);
    // What is wrong ends with 1; where nothing could be looked at, nothing is said against the target.
    let wanted = if fails { 1 } else { 3 };
    assert_eq!(output.status.code(), Some(wanted), "a target that {what}: {told}");
    assert!(!told.contains("panicked"), "a target that {what}: {told}");
    for name in ["report.html", "report.md", "report.json", "junit.xml", "ctrf.json", "badge.svg"] {
        let report = folder.path().join("record").join(name);
        assert!(report.metadata().is_ok_and(|file| file.len() > 0), "no {name} of a target that {what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_a_worthless_target_never_ends_well_and_always_leaves_a_report() {
    let runs = Worthless::ALL.map(|kind| tokio::spawn(worthless_run(kind)));
    for run in runs {
        run.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_where_no_check_exists() {
    let checked: Vec<u16> = checks::all().map(|check| check.feature).collect();
    let unchecked = (1..=679).find(|number| !checked.contains(number)).unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let server = WorthlessServer::start(Worthless::Always(200)).await.unwrap();
    let file = write(folder.path(), &server.base(), Stores::Missing);
    let output = conform(folder.path(), &file, &[&unchecked]).await;
    assert_eq!(server.connections(), 0, "{output:?}");
    let record = Record::read(&folder.path().join("record")).unwrap();
    assert_eq!(record.totals(), [(Verdict::Unchecked, 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_file_without_its_key_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let server = WorthlessServer::start(Worthless::Always(200)).await.unwrap();
    let file = write(folder.path(), &server.base(), Stores::Missing);
    let text = std::fs::read_to_string(&file).unwrap().replace(KEY, "A_KEY_THAT_NOBODY_SET");
    std::fs::write(&file, text).unwrap();
    let output = conform(folder.path(), &file, &["checked"]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("A_KEY_THAT_NOBODY_SET is not set"), "{output:?}");
    assert_eq!(server.connections(), 0);
}
