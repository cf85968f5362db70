//! The golden case of the progress report: 40 of 679 features before and 42 after, features 41 and 42 completed with
//! 19 and 23 scenarios.

use crate::outcome::{Circumstances, Evidence, Expectation, Observation, Outcome, StepOutcome, Verdict};
use crate::record::{CatalogueId, Footer, Header, Record, RecordWriter, ServiceState, VERSION};
use crate::report::Tally;
use crate::target::Service;
use serde_json::{Value, json};
use std::path::PathBuf;

const SLOW_QUERIES: [&str; 3] = [
    "A query slower than 100 ms is run",
    "The log names its duration, its text and the threshold",
    "A fast query is not logged as slow",
];
const MEMORY: [&str; 4] = [
    "The service records its memory at start-up as the baseline",
    "Memory is sampled every 60 s",
    "Growth beyond a threshold is logged",
    "Memory returns to the baseline after a load",
];

/// The record before, and the one after.
pub(super) fn records() -> [Record; 2] {
    [record("before", 40, "2025-11-23T22:10:00Z"), record("after", 42, "2025-11-24T06:49:00Z")]
}

/// A record with the evidence of features 41 and 42, read back from where it is written.
pub(super) fn on_disk(record: &Record) -> (tempfile::TempDir, Record) {
    let place = tempfile::tempdir().unwrap();
    let writer = RecordWriter::create(place.path(), &record.header).unwrap();
    for outcome in &record.outcomes {
        writer.outcome(outcome, evidence(outcome.feature).as_ref()).unwrap();
    }
    writer.finish(record.footer.as_ref().unwrap()).unwrap();
    let read = Record::read(place.path()).unwrap();
    (place, read)
}

fn record(name: &str, pass: u16, started: &str) -> Record {
    let outcomes: Vec<Outcome> = (1..=679).map(|feature| outcome(feature, feature <= pass)).collect();
    let totals = Verdict::ALL.map(|verdict| (verdict, Tally::of(&outcomes).count(verdict)));
    Record {
        dir: PathBuf::from("reports/runs").join(name),
        header: Header {
            version: VERSION,
            tool: "conform 0.1.0".into(),
            started: started.into(),
            catalogue: CatalogueId { hash: "0123456789abcdef".into(), features: 679 },
            backend: "docker".into(),
            target: "reference".into(),
            facts: [("postgresql", "16.6"), ("redis", "7.4.1"), ("object_store", "minio")]
                .map(|(name, fact)| (name.to_owned(), fact.to_owned()))
                .into(),
            seed: 7,
            patience_s: 0.0,
            selection: (1..=679).collect(),
        },
        outcomes,
        footer: Some(Footer {
            ended: started.into(),
            duration_ms: 36_800.0,
            totals: totals.into_iter().filter(|(_, count)| *count > 0).collect(),
            environment: Some(Service::ALL.iter().map(|service| sound(*service)).collect()),
            deadlines: None,
        }),
        damage: None,
    }
}

fn sound(service: Service) -> ServiceState {
    let version = if service == Service::SvgRenderer { "3.0.0" } else { "1.0.0" };
    ServiceState { service: service.name().into(), healthy: true, version: Some(version.into()), reason: None }
}

fn outcome(feature: u16, passes: bool) -> Outcome {
    let (description, steps) = match feature {
        41 => ("Slow database queries are noticed and explained".to_owned(), steps(&SLOW_QUERIES, 19)),
        42 => ("Memory use is watched so that leaks are found early".to_owned(), steps(&MEMORY, 23)),
        _ => (format!("Demand number {feature}"), steps(&["It is seen"], 1)),
    };
    let unchecked = |step: StepOutcome| StepOutcome {
        verdict: Verdict::Unchecked,
        expectations: vec![],
        observed_as: None,
        ..step
    };
    Outcome {
        feature,
        description,
        verdict: if passes { Verdict::Pass } else { Verdict::Unchecked },
        revision: passes.into(),
        steps: if passes { steps } else { steps.into_iter().map(unchecked).collect() },
        duration_ms: if passes { 1234.0 } else { 0.0 },
        rounds: Default::default(),
        reason: None,
    }
}

/// Steps with so many scenarios in all, spread over them.
fn steps(texts: &[&str], scenarios: usize) -> Vec<StepOutcome> {
    let step = |(at, text): (usize, &&str)| StepOutcome {
        step: at as u8 + 1,
        text: (*text).to_owned(),
        verdict: Verdict::Pass,
        expectations: (at..scenarios).step_by(texts.len()).map(|number| scenario(text, number)).collect(),
        observed_as: text.contains("every 60 s").then(|| "time passes on the target's test clock".to_owned()),
        reason: None,
    };
    texts.iter().enumerate().map(step).collect()
}

fn scenario(step: &str, number: usize) -> Expectation {
    let (requirement, expected, observed) = match (step, number) {
        (step, 0) if step == SLOW_QUERIES[0] => ("time until its answer, in ms", "at least 200", json!(267.34)),
        (step, 1) if step == SLOW_QUERIES[1] => ("duration logged, in ms", "from 200 to 267.34", json!(212.57)),
        (step, 0) if step == MEMORY[0] => ("baseline_memory_mb", "above 0", json!(67.58)),
        (step, 3) if step == MEMORY[3] => ("slope of memory, in MB per 1,000 requests", "at most 0.5", json!(0.068)),
        _ => ("status", "200", json!(200)),
    };
    Expectation { requirement: requirement.into(), expected: expected.into(), observed, holds: true, evidence: vec![1] }
}

fn evidence(feature: u16) -> Option<Evidence> {
    let get = |seq, service: &str, path: &str, took_ms| {
        let asked = json!({"service": service, "method": "GET", "path": path});
        observation(seq, "http", asked, json!({"status": 200}), took_ms)
    };
    let observations = match feature {
        41 => vec![
            get(1, "auth-service", "/test/fast-query", 3.5),
            get(2, "auth-service", "/test/slow-query?delay_ms=200", 267.34),
            observation(3, "log", json!({"service": "auth-service"}), json!({"lines": []}), 1.0),
        ],
        42 => vec![get(1, "api-gateway", "/test/memory", 17.5)],
        _ => return None,
    };
    let circumstances = Circumstances { feature, revision: 1, seed: 7, had: vec![], patience_s: 0.0 };
    Some(Evidence { circumstances, observations })
}

fn observation(seq: u32, probe: &str, asked: Value, seen: Value, took_ms: f64) -> Observation {
    Observation { seq, step: 1, probe: probe.into(), asked, seen, took_ms }
}
