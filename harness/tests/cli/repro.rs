//! `conform repro`.

use crate::project::Project;
use harness::outcome::Verdict;
use std::fs;

/// A record of somebody else's system.
fn external(project: &Project, verdicts: &[(u16, Verdict)]) -> String {
    let dir = project.record("theirs", "theirs", verdicts, true);
    let path = dir.join("outcomes.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.replacen("\"backend\":\"native\"", "\"backend\":\"external\"", 1)).unwrap();
    dir.display().to_string()
}

fn target_file(project: &Project) -> String {
    // Nobody listens at this port.
    let text =
        "name = \"theirs\"\n[gateway]\nurl = \"http://127.0.0.1:9\"\n[services.auth]\nurl = \"http://127.0.0.1:9\"\n";
    let path = project.path().join("theirs.toml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn who_asks_for_no_failure_is_told_what_failed() {
    let project = Project::with_record(&[(7, Verdict::Fail), (8, Verdict::Pass)]);
    for (words, told) in [
        (
            &["8"][..],
            "feature 8 is `pass` in this record, so there is no failure to show again; what failed there are features 7",
        ),
        (&["9"], "the record holds nothing of feature 9; what failed there are features 7"),
        (&["7", "1"], "step 1 of feature 7 did not fail in this record; what failed are steps 2"),
        (&["7", "2", "--target", "mine.toml"], "the record is of the reference"),
    ] {
        let ran = project.conform(&[&["repro", "reports/latest"], words].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(told) && ran.out.is_empty(), "{told}: {ran:?}");
    }
    let ran = project.conform(&["repro", "nowhere", "7"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn a_record_of_another_system_wants_its_target_file() {
    let project = Project::new();
    let record = external(&project, &[(7, Verdict::Fail)]);
    let ran = project.conform(&["repro", &record, "7"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("name its target file with --target FILE"), "{ran:?}");
    let ran = project.conform(&["repro", &record, "7", "--backend", "native"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn a_target_that_is_down_is_no_answer() {
    let project = Project::new();
    let record = external(&project, &[(7, Verdict::Fail)]);
    let ran = project.conform(&["repro", &record, "7", "--target", &target_file(&project)]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.is_empty(), "{ran:?}");
}
