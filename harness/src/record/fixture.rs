//! A record for the tests of everything that reads one: each verdict once or more, and text that means harm.

use super::{CatalogueId, Deadlines, Footer, Header, Record, RecordWriter, ServiceState, VERSION};
use crate::outcome::{Circumstances, Evidence, Expectation, Observation, Outcome, StepOutcome, Verdict};
use serde_json::{Value, json};
use std::path::Path;

/// What a target might send to break a report: markup, colours, NUL, workflow commands, ends of sections.
pub(crate) const NASTY: &str = "<script>alert('x')</script> \u{1b}[31mred\u{1b}[0m \0 \u{9b}31m ]]> | `code`\n::error::gotcha\r\n##[error]too \u{202e}";

/// The header of the fixture.
pub(crate) fn header() -> Header {
    Header {
        version: VERSION,
        tool: "conform 0.1.0".into(),
        started: "2025-11-24T06:49:00Z".into(),
        catalogue: CatalogueId { hash: "0123456789abcdef".into(), features: 679 },
        backend: "native".into(),
        target: "reference".into(),
        facts: [("PostgreSQL", "16.6"), ("Redis", "7.4.1 <b>")]
            .map(|(name, fact)| (name.to_owned(), fact.to_owned()))
            .into(),
        seed: 7,
        patience_s: 90.0,
        selection: vec![41, 42, 43, 44, 45, 46, 64, 679],
    }
}

/// The outcomes of the fixture.
pub(crate) fn outcomes() -> Vec<Outcome> {
    let slow = step(1, "A query slower than 100 ms is run", vec![holds("status", "200", json!(200), &[1])]);
    let logged = StepOutcome {
        observed_as: Some("10,000 requests and the slope of resident memory".into()),
        ..step(2, "The slow query is logged", vec![holds("lines", "at least 1", json!([{"ms": 241.5}]), &[2])])
    };
    let not_429 = Expectation { holds: false, ..holds("status of the 101st request", "429", json!(NASTY), &[2]) };
    let expired = Expectation { holds: false, ..holds("life of the token, in s", "at most 3600", json!(7200), &[]) };
    vec![
        outcome(41, "Slow database queries are noticed, explained and followed over time", vec![slow, logged]),
        outcome(
            42,
            "The rate of a user is limited",
            vec![
                step(1, "100 requests pass", vec![holds("statuses", "200", json!([200, 200]), &[1])]),
                step(2, "The 101st is refused", vec![not_429]),
            ],
        ),
        outcome(
            43,
            "Memory stays bounded <over> a day",
            vec![
                step(1, "The service answers", vec![holds("status", "200", json!(200), &[])]),
                without(2, "A day passes", Verdict::Skip, "needs patience 61 s"),
            ],
        ),
        Outcome {
            rounds: [(Verdict::Pass, 9), (Verdict::Error, 1)].into(),
            ..outcome(44, "The database is away", vec![without(1, "It is stopped", Verdict::Error, NASTY)])
        },
        Outcome {
            reason: Some("needs power to stop and start services".into()),
            ..outcome(45, "A service restarts", vec![without(1, "It is stopped", Verdict::Skip, "needs power")])
        },
        unchecked(46, "Nobody looked yet"),
        outcome(64, "Tokens lapse", vec![step(1, "The token is read", vec![expired])]),
        unchecked(679, "The very last"),
    ]
}

/// The evidence of feature 41.
pub(crate) fn evidence_of_41() -> Evidence {
    let headers = json!({"accept": "application/json", "authorization": "Bearer ‹access_token #1›"});
    let asked = json!({"service": "gateway", "method": "GET", "path": "/health", "headers": headers});
    let seen = json!({"status": 200, "headers": {"content-type": "application/json"}, "body": {"status": "healthy"}});
    let log = json!({"lines": [{"query_duration_ms": 241.5, "plan": "Seq Scan"}]});
    evidence(
        41,
        vec![observation(1, 1, "http", asked, seen), observation(2, 2, "log", json!({"service": "auth"}), log)],
    )
}

/// The evidence of feature 42, with text that means harm.
pub(crate) fn evidence_of_42() -> Evidence {
    let asked = json!({
        "service": "auth", "method": "POST", "path": "/login?next=%2F", "headers": {"x-note": "it's"},
        "body": {"email": "a@example.test", "note": NASTY},
    });
    let seen = json!({"status": 401, "headers": {}, "body": NASTY});
    let long = json!({"service": "auth", "method": "GET", "path": "/long"});
    evidence(
        42,
        vec![
            observation(1, 0, "http", asked, seen),
            observation(2, 2, "http", long, json!({"status": 200, "body": "long ".repeat(2000)})),
            observation(3, 2, "http", json!("no request at all"), Value::Null),
        ],
    )
}

/// The footer that goes with the outcomes.
pub(crate) fn footer() -> Footer {
    let mut totals = std::collections::BTreeMap::new();
    for outcome in outcomes() {
        *totals.entry(outcome.verdict).or_default() += 1;
    }
    let sound = |service: &str, version: &str| ServiceState {
        service: service.into(),
        healthy: true,
        version: Some(version.into()),
        reason: None,
    };
    let ill =
        ServiceState { healthy: false, version: None, reason: Some("no connection".into()), ..sound("ai-service", "") };
    let environment = vec![sound("api-gateway", "1.0.0"), sound("auth-service", "<b>2</b> \u{1b}[31m"), ill];
    Footer {
        ended: "2025-11-24T06:50:12Z".into(),
        duration_ms: 72_345.0,
        totals,
        environment: Some(environment),
        deadlines: Some(Deadlines { answer_ms: 12.5, check_s: 92.0 }),
    }
}

/// Writes the fixture as a finished record.
pub(crate) fn write(dir: &Path) {
    let writer = RecordWriter::create(dir, &header()).unwrap();
    for outcome in outcomes() {
        let evidence = match outcome.feature {
            41 => Some(evidence_of_41()),
            42 => Some(evidence_of_42()),
            _ => None,
        };
        writer.outcome(&outcome, evidence.as_ref()).unwrap();
    }
    writer.finish(&footer()).unwrap();
}

/// The fixture on disk and read back.
pub(crate) fn finished() -> (tempfile::TempDir, Record) {
    let place = tempfile::tempdir().unwrap();
    write(place.path());
    let record = Record::read(place.path()).unwrap();
    (place, record)
}

/// The fixture, broken off before its last feature.
pub(crate) fn unfinished() -> (tempfile::TempDir, Record) {
    let (place, mut record) = finished();
    record.outcomes.pop();
    record.footer = None;
    (place, record)
}

/// A record of feature 46 alone, whose map has a name that would do harm if it were no text.
pub(crate) fn with_a_map() -> (tempfile::TempDir, Record) {
    let place = tempfile::tempdir().unwrap();
    let writer = RecordWriter::create(place.path(), &header()).unwrap();
    let named = outcome(46, "A map of dependencies", vec![step(1, "The calls are gathered", Vec::new())]);
    let ids = ["</svg><script>alert(1)</script>", "api-gateway"];
    let nodes: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    let edges = [(0, 1), (1, 0)].map(|(from, to)| json!({"from": ids[from], "to": ids[to]}));
    let body = json!({"graph": {"nodes": nodes, "edges": edges}, "critical_path": {"path": ids}});
    let asked = json!({"service": "api-gateway", "method": "GET", "path": "/dependencies"});
    let seen = vec![observation(1, 1, "http", asked, json!({"status": 200, "body": body}))];
    writer.outcome(&named, Some(&evidence(46, seen))).unwrap();
    writer.finish(&footer()).unwrap();
    let record = Record::read(place.path()).unwrap();
    (place, record)
}

fn outcome(feature: u16, description: &str, steps: Vec<StepOutcome>) -> Outcome {
    Outcome {
        feature,
        description: description.into(),
        verdict: Verdict::of_steps(steps.iter().map(|step| step.verdict)),
        revision: 1,
        steps,
        duration_ms: 1234.0,
        rounds: Default::default(),
        reason: None,
    }
}

fn unchecked(feature: u16, description: &str) -> Outcome {
    let nobody = StepOutcome { verdict: Verdict::Unchecked, ..step(1, "It is looked at", vec![]) };
    Outcome {
        verdict: Verdict::Unchecked,
        revision: 0,
        duration_ms: 0.0,
        rounds: Default::default(),
        ..outcome(feature, description, vec![nobody])
    }
}

fn step(step: u8, text: &str, expectations: Vec<Expectation>) -> StepOutcome {
    let holds = expectations.iter().all(|one| one.holds);
    StepOutcome {
        step,
        text: text.into(),
        verdict: if holds { Verdict::Pass } else { Verdict::Fail },
        expectations,
        observed_as: None,
        reason: None,
    }
}

fn without(number: u8, text: &str, verdict: Verdict, reason: &str) -> StepOutcome {
    StepOutcome { verdict, reason: Some(reason.into()), ..step(number, text, vec![]) }
}

fn holds(requirement: &str, expected: &str, observed: Value, evidence: &[u32]) -> Expectation {
    Expectation {
        requirement: requirement.into(),
        expected: expected.into(),
        observed,
        holds: true,
        evidence: evidence.into(),
    }
}

fn evidence(feature: u16, observations: Vec<Observation>) -> Evidence {
    Evidence {
        circumstances: Circumstances {
            feature,
            revision: 1,
            seed: 7,
            had: vec!["access to Redis".into()],
            patience_s: 90.0,
        },
        observations,
    }
}

fn observation(seq: u32, step: u8, probe: &str, asked: Value, seen: Value) -> Observation {
    Observation { seq, step, probe: probe.into(), asked, seen, took_ms: 3.5 }
}
