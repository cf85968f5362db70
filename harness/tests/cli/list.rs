//! `conform list`.

use crate::project::{FEATURES, Project};
use harness::outcome::Verdict;

#[test]
fn every_feature_has_a_line() {
    let project = Project::new();
    let ran = project.conform(&["list"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.out.lines().count(), usize::from(FEATURES));
    assert!(ran.err.contains("60 of 60 features"));
}

#[test]
fn the_steps_of_each_feature_are_listed_on_demand() {
    let ran = Project::new().conform(&["list", "49-50", "--steps"]);
    let lines: Vec<&str> = ran.out.lines().map(str::trim).collect();
    assert_eq!(lines.len(), 4, "feature 50 has no steps yet: {ran:?}");
    assert_eq!(lines[1..3], ["1. It is done", "2. It is seen"]);
}

#[test]
fn failing_are_those_that_failed_in_the_last_record() {
    let project = Project::with_record(&[(7, Verdict::Fail), (8, Verdict::Pass), (9, Verdict::Fail)]);
    let ran = project.conform(&["list", "failing", "not", "9"]);
    assert_eq!(ran.out.lines().count(), 1, "{ran:?}");
    assert!(ran.out.contains("Demand 7"));
}

#[test]
fn all_that_stands_after_not_is_taken_away() {
    let project = Project::new();
    let ran = project.conform(&["list", "1-50", "not", "1", "30", "31"]);
    assert!(ran.err.contains("47 of 60 features"), "{ran:?}");
    let ran = project.conform(&["list", "not", "44", "1-50"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("write what is wanted before `not`"), "{ran:?}");
}

#[test]
fn failing_without_a_record_says_what_to_do() {
    let ran = Project::new().conform(&["list", "failing"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("run `conform run` first"), "{ran:?}");
}

#[test]
fn an_unknown_word_is_told_what_there_is() {
    let ran = Project::new().conform(&["list", "area", "kanvas"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("the areas are infrastructure, auth"), "{ran:?}");
}
