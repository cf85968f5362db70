//! `conform progress`.

use crate::project::Project;
use harness::outcome::Verdict::{self, Fail, Pass, Unchecked};
use std::fs;
use std::path::{Path, PathBuf};

/// A record that began at this hour of the day on which all began.
fn at(project: &Project, hour: u8, verdicts: &[(u16, Verdict)], finished: bool) -> PathBuf {
    let dir = project.record(&format!("at-{hour:02}"), "reference", verdicts, finished);
    let path = dir.join("outcomes.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("T06:49:00Z", &format!("T{hour:02}:49:00Z"), 1)).unwrap();
    dir
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_run_is_held_against_the_last_whole_one_that_looked_at_the_same() {
    let project = Project::new();
    at(&project, 1, &[(7, Pass), (8, Fail), (9, Fail)], true);
    at(&project, 2, &[(7, Pass), (8, Pass), (9, Fail)], true);
    at(&project, 3, &[(9, Pass)], true);
    at(&project, 4, &[(7, Pass), (8, Pass), (9, Pass)], false);
    let record = at(&project, 5, &[(7, Fail), (8, Pass), (9, Pass)], true);
    at(&project, 6, &[(7, Pass), (8, Pass), (9, Pass)], true);
    let ran = project.conform(&["progress", "--record", shown(&record)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for words in [
        "2 of 60 features pass (3.33%), as many as before.",
        "### Feature 9: Demand 9",
        "### No longer passing",
        "- **7** Demand 7",
        "T02:49:00Z (compared with)",
        "1. **Feature 1**",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(!ran.out.contains("T06:49:00Z"), "what ran later is no history: {}", ran.out);
}

#[test]
fn the_run_to_compare_with_can_be_named() {
    let project = Project::new();
    let before = at(&project, 1, &[(7, Pass), (8, Unchecked)], true);
    at(&project, 2, &[(7, Pass), (8, Pass)], true);
    let record = at(&project, 3, &[(7, Pass), (8, Pass)], true);
    let ran = project.conform(&["progress", "--record", shown(&record), "--since", shown(&before)]);
    assert!(ran.out.contains("1 more than before") && ran.out.contains("### Feature 8"), "{}", ran.out);
}

#[test]
fn both_formats_go_to_standard_output_or_to_a_file() {
    let project = Project::with_record(&[(7, Pass)]);
    for (format, sign) in [("md", "# Progress"), ("html", "<!DOCTYPE html>")] {
        let printed = project.conform(&["progress", "--format", format]);
        assert_eq!(printed.code, 0, "{printed:?}");
        assert!(printed.out.starts_with(sign), "{}", printed.out);
        let written = project.conform(&["progress", "--format", format, "--output", "out"]);
        assert_eq!((written.code, written.out.as_str()), (0, ""));
        assert_eq!(fs::read_to_string(project.path().join("out")).unwrap(), printed.out);
    }
}

#[test]
fn a_first_run_has_nothing_to_compare_with_and_says_so() {
    let project = Project::with_record(&[(7, Pass), (8, Fail)]);
    let ran = project.conform(&["progress"]);
    assert!(ran.out.contains("no earlier record to compare with"), "{}", ran.out);
    assert!(ran.out.contains("### Feature 7") && !ran.out.contains("## Earlier runs"), "{}", ran.out);
}

#[test]
fn a_record_that_cannot_be_read_is_left_out_and_named() {
    let project = Project::with_record(&[(7, Pass)]);
    let broken = project.path().join("reports/runs/broken");
    fs::create_dir_all(&broken).unwrap();
    fs::write(broken.join("outcomes.jsonl"), "{}\n").unwrap();
    let ran = project.conform(&["progress"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("left out:") && ran.err.contains("broken"), "{ran:?}");
}

#[test]
fn without_any_record_it_says_what_to_do() {
    let ran = Project::new().conform(&["progress"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("run `conform run` first"), "{ran:?}");
}
