//! `conform report`.

use crate::project::Project;
use harness::outcome::Verdict;
use std::fs;

const VERDICTS: [(u16, Verdict); 3] = [(7, Verdict::Fail), (8, Verdict::Pass), (9, Verdict::Unchecked)];

#[test]
fn every_format_goes_to_standard_output_or_to_a_file() {
    let project = Project::with_record(&VERDICTS);
    let formats = [
        ("html", "<!DOCTYPE html>"),
        ("md", "# Conformance"),
        ("json", "{"),
        ("junit", "<?xml"),
        ("ctrf", "{"),
        ("pr", "### ❌ Conformance of reference"),
        ("github", "::error title=Feature 7 fails%3A status 500"),
        ("badge", "<svg"),
    ];
    for (format, sign) in formats {
        let printed = project.conform(&["report", "reports/latest", "--format", format]);
        assert_eq!(printed.code, 0, "{printed:?}");
        assert!(printed.out.starts_with(sign), "{format}: {}", printed.out);
        let written = project.conform(&["report", "reports/latest", "--format", format, "--output", "out"]);
        assert_eq!((written.code, written.out.as_str()), (0, ""));
        assert_eq!(fs::read_to_string(project.path().join("out")).unwrap(), printed.out);
    }
}

#[test]
fn no_record_no_report() {
    let ran = Project::new().conform(&["report", "nowhere", "--format", "md"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("nowhere holds no record"), "{ran:?}");
}

#[test]
fn a_broken_line_is_named() {
    let project = Project::with_record(&VERDICTS);
    let path = project.path().join("reports/latest/outcomes.jsonl");
    let text = fs::read_to_string(&path).unwrap().replacen("\"verdict\":\"fail\"", "\"verdict\":\"green\"", 1);
    fs::write(&path, text).unwrap();
    let ran = project.conform(&["report", "reports/latest", "--format", "md"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("outcomes.jsonl:2: expected"), "{ran:?}");
}

#[test]
fn an_unfinished_record_can_be_reported() {
    let project = Project::new();
    project.record("broken", "reference", &VERDICTS, false);
    let ran = project.conform(&["report", "reports/runs/broken", "--format", "md"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("broken off before its end"), "{}", ran.out);
}

#[test]
fn several_records_stand_side_by_side_in_formats_for_people() {
    let project = Project::new();
    project.record("ours", "reference", &VERDICTS, true);
    project.record("theirs", "other", &[(7, Verdict::Pass)], true);
    let report = |format| project.conform(&["report", "reports/runs/ours", "reports/runs/theirs", "--format", format]);
    let ran = report("md");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("| **7** | Demand 7 | ❌ fail | ✅ pass |"), "{}", ran.out);
    assert!(report("html").out.contains("2 records side by side"));
    let ran = report("junit");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("html and md only"), "{ran:?}");
}
