//! Where standard output, standard error or a file takes nothing: no command panics, and the shell sees why it ended.

use crate::project::{Project, Ran};
use harness::outcome::Verdict::{Fail, Pass};
use std::fs::{self, File};
use std::io;
use std::process::{Command, Stdio};

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// A pipe whose reader is gone.
fn closed() -> io::PipeWriter {
    io::pipe().unwrap().1
}

/// What is in a folder.
fn names(dir: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_cannot_be_said_on_standard_error_changes_no_exit_code() {
    let project = Project::with_record(&[(7, Fail), (8, Pass)]);
    for (words, code) in [
        (&["list", "8"][..], 0),
        (&["gate", "7"], 1),
        (&["gate", "--record", "nowhere"], 2),
        (&["report", "nowhere", "--format", "md"], 2),
        (&["repro", "reports/latest", "8"], 2),
        (&["target", "check", "nowhere.toml"], 2),
        (&["clean", "nowhere", "--target", "nowhere.toml"], 2),
        (&["prove", "41", "--offline", "--evidence", "nowhere"], 2),
        (&["merge", "nowhere", "--record", "whole"], 2),
        (&["run", "8", "--backend", "external"], 2),
        (&["object-store", "--data", "nowhere"], 2),
        (&["frobnicate"], 2),
    ] {
        for stderr in [Stdio::from(full()), Stdio::from(closed())] {
            let mut command = project.command(words);
            command.env_remove("MINIO_ROOT_USER").stdout(Stdio::null()).stderr(stderr);
            assert_eq!(command.status().unwrap().code(), Some(code), "{words:?}");
        }
    }
}

#[test]
fn what_standard_output_refuses_could_not_be_told() {
    let project = Project::with_record(&[(7, Fail), (8, Pass)]);
    for words in [
        &["list", "8"][..],
        &["gate", "8"],
        &["explain", "8"],
        &["report", "reports/latest", "--format", "html"],
        &["diff", "reports/latest", "reports/latest"],
        &["merge", "reports/latest", "--record", "whole"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let ran = Ran::of(project.command(words).stdout(full()));
        assert_eq!(ran.code, 3, "{words:?}: {ran:?}");
        assert!(ran.err.starts_with("error: standard output cannot be written: No space left"), "{words:?}: {ran:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let project = Project::with_record(&[(7, Fail), (8, Pass)]);
    for (words, code) in [
        (&["list"][..], 0),
        (&["gate", "7"], 1),
        (&["report", "reports/latest", "--format", "html"], 0),
        (&["merge", "reports/latest", "--record", "whole"], 1),
        (&["--help"], 0),
    ] {
        let ran = Ran::of(project.command(words).stdout(closed()));
        assert!(ran.code == code && !ran.err.contains("panicked"), "{words:?}: {ran:?}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let project = Project::with_record(&[(7, Fail)]);
    for words in [
        &["report", "reports/latest", "--format", "html", "--output", "/dev/full"][..],
        &["diff", "reports/latest", "reports/latest", "--output", "/dev/full"],
        &["progress", "--output", "/dev/full"],
        &["baseline", "--reason", "x", "--expires", "2099-01-01", "--output", "/dev/full"],
    ] {
        let ran = project.conform(words);
        assert_eq!(ran.code, 3, "{words:?}: {ran:?}");
        assert!(ran.err.starts_with("error: /dev/full cannot be written: No space left"), "{words:?}: {ran:?}");
    }
}

/// A limit to the size of a file stands for the full disk: the page needs more room than the other reports.
#[test]
fn a_report_for_which_there_is_no_room_is_missing_alone() {
    let project = Project::with_record(&[(7, Fail), (8, Pass)]);
    let within = "trap '' XFSZ; ulimit -f 40; exec \"$0\" merge reports/latest --record whole";
    let mut shell = Command::new("sh");
    let ran = Ran::of(shell.args(["-c", within, env!("CARGO_BIN_EXE_conform")]).current_dir(project.path()));
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("1 of 6 reports are missing"), "{ran:?}");
    assert!(ran.err.contains("whole/report.html cannot be written: File too large"), "{ran:?}");
    let beside = ["badge.svg", "ctrf.json", "evidence", "junit.xml", "outcomes.jsonl", "report.json", "report.md"];
    assert_eq!(names(&project.path().join("whole")), beside);
}

#[test]
fn the_name_of_a_folder_does_nothing_to_a_terminal() {
    let project = Project::with_record(&[(7, Pass)]);
    let ran = project.conform(&["merge", "reports/latest", "--record", "a\u{1b}]0;b\u{7}\n::error::c"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "1 outcomes of 1 records: a␛]0;b␇␊::error::c\n"), "{ran:?}");
}
