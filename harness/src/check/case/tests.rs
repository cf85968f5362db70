//! Tests of the case: what its end makes of steps, stops and ids.

use super::*;
use crate::check::{LONGEST_REASON, Patience, Shown, at_least, is};
use crate::target::{Secret, Target};
use serde_json::json;

fn case(observations: Vec<Shown>) -> Case {
    let circumstances =
        Circumstances { feature: 41, revision: 1, seed: 7, had: vec![Need::Sql.to_string()], patience_s: 0.0 };
    let source = Source::Replay { observations: observations.into(), tampering: None };
    Case::replay(source, circumstances)
}

fn verdicts(finished: &Finished) -> Vec<Verdict> {
    finished.outcome.steps.iter().map(|step| step.verdict).collect()
}

fn texts() -> Vec<String> {
    ["one", "two", "three"].map(str::to_owned).to_vec()
}

#[test]
fn a_step_without_an_expectation_is_an_error() {
    let mut case = case(Vec::new());
    case.step(1, "one");
    case.expect("a number", 1, is(1));
    case.step(2, "two");
    case.step(3, "three");
    case.expect("a number", 1, is(1));
    let finished = case.finish("", &texts(), Ok(()));
    assert_eq!(verdicts(&finished), [Verdict::Pass, Verdict::Error, Verdict::Pass]);
}

#[test]
fn steps_never_reached_are_accounted_for() {
    let mut case = case(Vec::new());
    case.step(1, "one");
    let ended = case.require("a number", 1, at_least(2.0));
    let finished = case.finish("", &texts(), ended);
    assert_eq!(verdicts(&finished), [Verdict::Fail, Verdict::Skip, Verdict::Skip]);
    assert_eq!(finished.outcome.verdict, Verdict::Fail);
}

#[test]
fn what_is_wrong_before_the_first_step_is_told_in_it() {
    let mut case = case(Vec::new());
    let ended = case.require("status of registering a user", 403, is(201));
    let finished = case.finish("", &texts(), ended);
    assert_eq!(verdicts(&finished), [Verdict::Fail, Verdict::Skip, Verdict::Skip]);
    assert_eq!(finished.outcome.steps[0].expectations[0].observed, json!(403));
}

#[test]
fn a_missing_need_skips_and_a_failed_look_is_an_error() {
    for (stop, verdict) in
        [(Stop::Needs(Need::Redis), Verdict::Skip), (Stop::CannotLook(CannotLook::new("log", "gone")), Verdict::Error)]
    {
        let mut case = case(Vec::new());
        case.step(1, "one");
        case.expect("a number", 1, is(1));
        case.step(2, "two");
        let finished = case.finish("", &texts(), Err(stop));
        assert_eq!(verdicts(&finished), [Verdict::Pass, verdict, verdict]);
    }
}

#[tokio::test]
async fn a_reason_is_told_in_a_few_kilobytes_and_without_half_a_secret() {
    let secret = "signing-key-0123456789";
    let mut target = Target::unreachable("none");
    target.secrets.push(Secret::new(secret));
    let live = Arc::new(Live::new(target, Patience::default(), Arc::default(), 0));
    let mut case = Case::live(live, 41, 1, 7);
    for before in [0, LONGEST_REASON - 10, 10 << 20] {
        let reason = format!("{}{secret} and {}", "x".repeat(before), "y".repeat(10 << 20));
        let stop = case.observe("sql", Value::Null, async |_| Err(CannotLook::new("sql", reason))).await.unwrap_err();
        let told = stop.to_string();
        assert!(
            told.len() < LONGEST_REASON + 100 && !told.contains("sign") && told.ends_with("(cut)"),
            "{before}: {told}"
        );
    }
    case.expect("x".repeat(1 << 20), 1, is("y".repeat(1 << 20)));
    let told = &case.steps[&0].expectations[0];
    assert!(told.requirement.len() < LONGEST_REASON && told.expected.len() < LONGEST_REASON);
}

#[test]
fn what_the_owner_forbids_is_a_missing_need() {
    let mut case = case(Vec::new());
    assert_eq!(case.may_write(), Ok(()));
    assert_eq!(case.may_ask("/test/memory"), Ok(()));
    let forbidden = ["no leave to write to the database", "no leave to ask for /test"];
    case.circumstances.had.extend(forbidden.map(str::to_owned));
    assert_eq!(case.may_write(), Err(Stop::Needs(Need::DatabaseWrites)));
    assert_eq!(case.may_ask("/test/memory?size_mb=1"), Err(Stop::Needs(Need::ForbiddenPath)));
    assert_eq!(case.may_ask("/tests"), Ok(()));
}

#[test]
fn what_a_check_relies_on_is_noted_with_its_step() {
    let mut case = case(Vec::new());
    case.step(1, "one");
    assert!(case.has(Need::Sql) && case.needs(Need::Sql).is_ok());
    case.step(2, "two");
    assert!(!case.has(Need::Redis));
    let wants = case.finish("", &texts(), Ok(())).wants;
    let noted: Vec<(u8, Need, bool)> = wants.iter().map(|want| (want.step, want.need, want.ends)).collect();
    assert_eq!(noted, [(1, Need::Sql, false), (1, Need::Sql, true), (2, Need::Redis, false)]);
}

#[test]
fn a_step_in_other_words_is_an_error() {
    let mut case = case(Vec::new());
    case.step(1, "another one");
    case.expect("a number", 1, is(1));
    let finished = case.finish("", &texts()[..1], Ok(()));
    assert_eq!(verdicts(&finished), [Verdict::Error]);
}

#[test]
fn ids_follow_from_the_seed_and_never_repeat() {
    let (mut one, mut other) = (case(Vec::new()), case(Vec::new()));
    let ids: Vec<String> = (0..100).map(|_| one.id()).collect();
    assert!(ids.iter().all(|id| *id == other.id()));
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), 100);
    assert_eq!(ids[0].len(), 36);
}

#[tokio::test]
async fn a_replay_that_asks_otherwise_diverges() {
    let known = Shown { probe: "http".to_owned(), asked: json!("a"), seen: Arc::new(json!("b")) };
    let mut case = case(vec![known]);
    let stop = case.observe("http", json!("c"), async |_| Ok(Value::Null)).await;
    assert!(matches!(stop, Err(Stop::Diverged(_))));
}
