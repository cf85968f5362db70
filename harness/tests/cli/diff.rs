//! `conform diff`.

use crate::project::Project;
use harness::outcome::Verdict::{Error, Fail, Pass, Skip};
use serde_json::Value;

#[test]
fn the_shell_sees_whether_anything_stands_worse() {
    let project = Project::new();
    project.record("before", "reference", &[(7, Pass), (8, Fail), (9, Skip)], true);
    project.record("worse", "reference", &[(7, Fail), (8, Pass), (9, Skip)], true);
    project.record("unseen", "reference", &[(7, Error), (8, Fail), (9, Skip)], true);
    project.record("more", "other", &[(7, Pass), (8, Fail), (9, Pass), (10, Fail)], true);
    for (after, code, words) in [
        ("before", 0, "0 regressed, 0 improved"),
        ("worse", 1, "1 regressed, 1 improved"),
        ("unseen", 3, "7  pass → error"),
        ("more", 0, "target: target: reference → other"),
    ] {
        let ran = project.conform(&["diff", "reports/runs/before", &format!("reports/runs/{after}")]);
        assert_eq!(ran.code, code, "{after}: {ran:?}");
        assert!(ran.out.contains(words), "{after}: {}", ran.out);
    }
    assert_eq!(project.conform(&["diff", "reports/runs/before", "nowhere"]).code, 2);
}

#[test]
fn programs_read_it_as_json() {
    let project = Project::new();
    project.record("before", "reference", &[(7, Pass)], true);
    project.record("after", "reference", &[(7, Fail), (8, Pass)], true);
    let ran = project.conform(&["diff", "reports/runs/before", "reports/runs/after", "--format", "json"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["regressed"][0]["feature"], &told["regressed"][0]["now"]), (&7.into(), &"fail".into()));
    assert_eq!((&told["new"][0]["feature"], &told["same"]), (&8.into(), &0.into()));
}
