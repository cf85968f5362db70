//! The report in the Common Test Report Format, which CI tools of many kinds read: a test for each feature.

use super::summary::flaky;
use super::{plain, reason};
use crate::catalogue::{Area, Phase};
use crate::outcome::{Outcome, StepOutcome, Verdict};
use crate::record::{Record, evidence_path};
use serde_json::{Map, Value, json};

/// The version of the format that this is.
const SPEC: &str = "0.0.0";

/// The report as indented JSON, ended by a newline.
///
/// `fail` and `error` have failed, for the format has one word for both; `partial` is `other`, `unchecked` is
/// `pending`. What it is called here stands in `rawStatus`. A selected feature without an outcome has failed, and so
/// has a run without end.
pub(super) fn render(record: &Record) -> String {
    let mut tests: Vec<Value> = record.outcomes.iter().map(|outcome| test(record, outcome)).collect();
    tests.extend(record.missing().into_iter().map(lost));
    if !record.finished() {
        let damage = record.damage.as_deref().unwrap_or("the run was broken off before its end");
        tests.push(json!({"name": "the run comes to its end", "status": "failed", "rawStatus": "unfinished",
            "duration": 0, "message": damage, "suite": ["run"]}));
    }
    let header = &record.header;
    let (name, version) = header.tool.split_once(' ').unwrap_or((&header.tool, ""));
    let report = json!({
        "reportFormat": "CTRF",
        "specVersion": SPEC,
        "timestamp": header.started,
        "generatedBy": header.tool,
        "results": {
            "tool": {"name": if name.is_empty() { "conform" } else { name }, "version": version},
            "summary": summary(record, &tests),
            "tests": tests,
            "environment": {
                "appName": header.target,
                "testEnvironment": header.backend,
                "extra": {"facts": header.facts, "catalogue": header.catalogue.hash, "seed": header.seed},
            },
        },
    });
    let text = serde_json::to_string_pretty(&plain::tree(&report)).expect("a JSON value has a text");
    text + "\n"
}

fn summary(record: &Record, tests: &[Value]) -> Value {
    let count = |status: &str| tests.iter().filter(|test| test["status"] == status).count();
    let start = moment(&record.header.started);
    let stop = record.footer.as_ref().map_or(start, |footer| moment(&footer.ended));
    json!({
        "tests": tests.len(),
        "passed": count("passed"), "failed": count("failed"), "skipped": count("skipped"),
        "pending": count("pending"), "other": count("other"), "flaky": flaky(record).len(),
        "start": start, "stop": stop.max(start),
        "extra": {"verdicts": record.totals(), "finished": record.finished()},
    })
}

/// Milliseconds since 1970; 0 where nobody knows.
fn moment(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).map_or(0, |moment| moment.timestamp_millis())
}

fn status(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Partial => "other",
        Verdict::Fail | Verdict::Error => "failed",
        Verdict::Skip => "skipped",
        Verdict::Unchecked => "pending",
    }
}

fn test(record: &Record, outcome: &Outcome) -> Value {
    let mut test = Map::new();
    let name = format!("f{:03} {}", outcome.feature, plain::line(&outcome.description));
    test.insert("name".into(), name.into());
    test.insert("status".into(), status(outcome.verdict).into());
    test.insert("rawStatus".into(), outcome.verdict.word().into());
    // The format has whole milliseconds.
    test.insert("duration".into(), (outcome.duration_ms.max(0.0).round() as u64).into());
    test.insert("suite".into(), json!([suite(outcome.feature)]));
    test.insert("steps".into(), outcome.steps.iter().map(step).collect());
    if let Some(phase) = Phase::of(outcome.feature) {
        test.insert("tags".into(), json!([format!("phase {}", phase.number)]));
    }
    if let Some(rounds) = outcome.rounds.values().sum::<u32>().checked_sub(1) {
        test.insert("retries".into(), rounds.into());
        test.insert("flaky".into(), outcome.is_flaky().into());
        test.insert("extra".into(), json!({"rounds": outcome.rounds}));
    }
    let message: Vec<String> = outcome.flaky().into_iter().chain(reason::because(outcome)).collect();
    if !message.is_empty() {
        test.insert("message".into(), message.join("; ").into());
    }
    let trace: Vec<String> = reason::failures(outcome)
        .map(|(step, one)| format!("step {}, {}: {}", step.step, plain::line(&step.text), reason::difference(one)))
        .collect();
    if !trace.is_empty() {
        test.insert("trace".into(), trace.join("\n").into());
    }
    let evidence = evidence_path("".as_ref(), outcome.feature);
    if record.dir.join(&evidence).is_file() {
        let path = evidence.display().to_string();
        let evidence = json!([{"name": "evidence", "contentType": "application/jsonl", "path": path}]);
        test.insert("attachments".into(), evidence);
    }
    Value::Object(test)
}

fn step(step: &StepOutcome) -> Value {
    json!({"name": format!("{} {}", step.step, plain::line(&step.text)), "status": status(step.verdict)})
}

fn lost(feature: u16) -> Value {
    json!({"name": format!("f{feature:03}"), "status": "failed", "rawStatus": "missing", "duration": 0,
        "message": "the run was broken off before this feature had an outcome", "suite": [suite(feature)]})
}

fn suite(feature: u16) -> &'static str {
    Area::of(feature).map_or("other", Area::name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;
    use std::collections::BTreeSet;

    fn read(record: &Record) -> Value {
        serde_json::from_str(&render(record)).unwrap()
    }

    fn keys(value: &Value) -> BTreeSet<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    /// What the published schema of the format demands of the parts that are used here, and no key beyond it.
    fn hold(report: &Value) {
        assert_eq!(report["reportFormat"], "CTRF");
        let results = &report["results"];
        assert_eq!(keys(results), ["tool", "summary", "tests", "environment"].into());
        let summary = &results["summary"];
        for key in ["tests", "passed", "failed", "skipped", "pending", "other", "flaky", "start", "stop"] {
            assert!(summary[key].is_u64(), "{key}");
        }
        let tests = results["tests"].as_array().unwrap();
        let known = [
            ["name", "status", "rawStatus", "duration", "suite", "steps", "tags"],
            ["message", "trace", "attachments", "flaky", "retries", "extra", "type"],
        ]
        .concat();
        let known: BTreeSet<&str> = known.into_iter().collect();
        let statuses = ["passed", "failed", "skipped", "pending", "other"];
        for test in tests {
            assert!(keys(test).is_subset(&known), "{test}");
            assert!(test["duration"].is_u64() && test["suite"][0].is_string() && test["name"] != "", "{test}");
            for one in test["steps"].as_array().into_iter().flatten().chain([test]) {
                assert!(statuses.contains(&one["status"].as_str().unwrap()), "{one}");
            }
        }
        let counted: u64 = statuses.iter().map(|status| summary[*status].as_u64().unwrap()).sum();
        assert_eq!((counted, summary["tests"].as_u64()), (tests.len() as u64, Some(tests.len() as u64)));
    }

    #[test]
    fn the_report_is_of_the_published_form() {
        let (_place, record) = fixture::finished();
        let report = read(&record);
        hold(&report);
        let summary = &report["results"]["summary"];
        let counts = ["passed", "failed", "skipped", "pending", "other"].map(|key| summary[key].as_u64().unwrap());
        assert_eq!(counts, [1, 3, 1, 2, 1]);
        let failed = &report["results"]["tests"][1];
        assert!(failed["message"].as_str().unwrap().starts_with("step 2: status of the 101st request"), "{failed}");
        assert_eq!(failed["attachments"][0]["path"], "evidence/f042.jsonl");
        assert!(!render(&record).contains("\\u00"), "no control character is left");
        let flaky = &report["results"]["tests"][3];
        assert_eq!((&flaky["flaky"], &flaky["retries"], &summary["flaky"]), (&json!(true), &json!(9), &json!(1)));
        assert_eq!(flaky["extra"]["rounds"], json!({"pass": 9, "error": 1}));
        assert!(flaky["message"].as_str().unwrap().starts_with("flaky: pass 9, error 1; step 1: "), "{flaky}");
        assert!(failed["flaky"].is_null(), "a check that ran once is not known to be steady");
    }

    #[test]
    fn a_run_that_broke_off_has_failed_and_so_has_what_it_missed() {
        let (_place, record) = fixture::unfinished();
        let report = read(&record);
        hold(&report);
        let tests = report["results"]["tests"].as_array().unwrap();
        let raw: Vec<&str> = tests.iter().rev().take(2).map(|test| test["rawStatus"].as_str().unwrap()).collect();
        assert_eq!(raw, ["unfinished", "missing"]);
    }
}
