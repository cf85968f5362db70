//! `conform gate`: the exit code is what CI goes by, so it comes first.

use crate::project::Project;
use harness::outcome::Verdict;
use std::fs;

#[test]
fn only_a_pass_passes() {
    let verdicts = [
        (1, Verdict::Pass),
        (2, Verdict::Partial),
        (3, Verdict::Fail),
        (4, Verdict::Error),
        (5, Verdict::Skip),
        (6, Verdict::Unchecked),
    ];
    let project = Project::with_record(&verdicts);
    for (feature, verdict) in verdicts {
        let number = feature.to_string();
        let strict = project.conform(&["gate", &number]).code;
        assert_eq!(strict, i32::from(verdict != Verdict::Pass), "{verdict}");
        let lenient = project.conform(&["gate", &number, "--accept-partial"]).code;
        let accepted = matches!(verdict, Verdict::Pass | Verdict::Partial);
        assert_eq!(lenient, i32::from(!accepted), "{verdict}");
    }
}

#[test]
fn what_was_not_observed_is_said_even_when_it_is_accepted() {
    let project = Project::with_record(&[(2, Verdict::Partial)]);
    let ran = project.conform(&["gate", "2", "--accept-partial"]);
    assert!(ran.out.contains("feature 2: step 2 was not observed: needs access to Redis"), "{ran:?}");
    assert!(ran.out.contains("gate passed: 1 of 1"), "{ran:?}");
}

#[test]
fn what_was_not_run_has_not_passed() {
    let project = Project::with_record(&[(1, Verdict::Pass)]);
    let ran = project.conform(&["gate", "1-2"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("feature 2: has no outcome in this record"), "{ran:?}");
}

#[test]
fn an_unfinished_or_damaged_record_passes_nothing() {
    let project = Project::new();
    project.record("broken", "reference", &[(1, Verdict::Pass)], false);
    let ran = project.conform(&["gate", "1", "--record", "reports/runs/broken"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("broken off"), "{ran:?}");

    let path = project.path().join("reports/runs/broken/outcomes.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + "{\"kind\":\"foot").unwrap();
    let ran = project.conform(&["gate", "1", "--record", "reports/runs/broken"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("the record is damaged: line 3 breaks off"), "{ran:?}");
}

#[test]
fn a_record_of_another_catalogue_passes_nothing() {
    let project = Project::with_record(&[(1, Verdict::Pass)]);
    let text = project.catalogue_text().replace("Demand 1\"", "Demand 1, but harder\"");
    fs::write(project.catalogue_path(), text).unwrap();
    let ran = project.conform(&["gate", "1"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("another catalogue"), "{ran:?}");
}

#[test]
fn nothing_to_judge_is_bad_usage() {
    let ran = Project::new().conform(&["gate", "1"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("run `conform run` first"), "{ran:?}");
    let project = Project::with_record(&[(1, Verdict::Pass)]);
    assert_eq!(project.conform(&["gate", "1", "not", "1"]).code, 2);
    assert_eq!(project.conform(&["gate", "--record", "nowhere"]).code, 2);
}
