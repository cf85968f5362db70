//! Worthless targets through the runner.

use crate::target_file::{Stores, target};
use harness::catalogue::Catalogue;
use harness::check::{Check, Patience};
use harness::checks;
use harness::doubles::{Worthless, WorthlessServer};
use harness::outcome::Verdict;
use harness::record::Record;
use harness::runner::{News, Rounds, Session, Subject, conduct};
use harness::target::{Need, Service};
use std::path::Path;
use std::time::Duration;

fn catalogue() -> Catalogue {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Catalogue::load(root.join("features/feature_list.json")).unwrap()
}

fn checked() -> Vec<u16> {
    checks::all().map(|check| check.feature).collect()
}

/// How long an answer is waited for: not long where none is to be expected.
fn patience(kind: Worthless) -> Patience {
    let answer = if matches!(kind, Worthless::Late(_)) { 10_000 } else { 800 };
    Patience { answer: Duration::from_millis(answer), ..Patience::default() }
}

/// What one worthless target came to.
struct Fared {
    kind: Worthless,
    record: Record,
    told: Vec<u16>,
    connections: usize,
    // Holds the record.
    _folder: tempfile::TempDir,
}

/// Checks these features of a worthless server, so many at a time.
async fn fare(kind: Worthless, stores: Stores, numbers: Vec<u16>, jobs: usize) -> Fared {
    let folder = tempfile::tempdir().unwrap();
    let server = WorthlessServer::start(kind).await.unwrap();
    let session = Session {
        subject: Subject::External(Box::new(target(folder.path(), &server.base(), stores))),
        catalogue: catalogue(),
        numbers,
        record: folder.path().join("record"),
        resumes: false,
        rounds: Rounds::ONE,
        jobs,
        patience: patience(kind),
        seed: 41,
    };
    let mut told = Vec::new();
    let listen = |news: News<'_>| {
        if let News::Finished(outcome) = news {
            told.push(outcome.feature);
        }
    };
    let dir = conduct(session, listen).await.unwrap();
    told.sort_unstable();
    Fared { kind, record: Record::read(&dir).unwrap(), told, connections: server.connections(), _folder: folder }
}

/// All kinds at the same time: most of their time is waiting.
async fn all_fare(stores: Stores, numbers: &[u16]) -> Vec<Fared> {
    let jobs = numbers.len().min(checked().len());
    let runs = Worthless::ALL.map(|kind| tokio::spawn(fare(kind, stores, numbers.to_vec(), jobs)));
    let mut fared = Vec::new();
    for run in runs {
        fared.push(run.await.unwrap());
    }
    fared
}

/// Nothing passes, no check breaks, and the record is whole.
fn hold(fared: &Fared, numbers: &[u16]) {
    let what = fared.kind.what();
    assert_eq!(fared.told, numbers, "a target that {what}: outcomes that the listener heard of");
    assert!(fared.record.finished(), "a target that {what}: {:?}", fared.record.damage);
    assert_eq!(fared.record.missing(), Vec::<u16>::new(), "a target that {what}");
    for outcome in &fared.record.outcomes {
        let place = format!("f{:03} of a target that {what}", outcome.feature);
        let checked = checks::find(outcome.feature).is_some();
        let allowed: &[Verdict] = match checked {
            true => &[Verdict::Fail, Verdict::Error, Verdict::Skip],
            false => &[Verdict::Unchecked],
        };
        assert!(allowed.contains(&outcome.verdict), "{place} is {}", outcome.verdict);
        let reasons = outcome.steps.iter().filter_map(|step| step.reason.as_ref()).chain(&outcome.reason);
        for reason in reasons {
            assert!(!reason.contains("the check itself is broken"), "{place}: {reason}");
            assert!(!reason.contains("the check did not end"), "{place}: {reason}");
        }
        if outcome.verdict == Verdict::Fail {
            assert!(outcome.first_failure().is_some(), "{place} fails and says not in what");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_worthless_target_passes_any_feature_and_its_record_is_whole() {
    let every: Vec<u16> = catalogue().features().iter().map(|feature| feature.number).collect();
    for fared in all_fare(Stores::Missing, &every).await {
        hold(&fared, &every);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_speak_another_protocol_pass_nothing_either() {
    let of_a_store = |check: &&Check| check.needs.iter().any(|need| [Need::Sql, Need::Redis].contains(need));
    let numbers: Vec<u16> = checks::all().filter(of_a_store).map(|check| check.feature).collect();
    assert!(!numbers.is_empty(), "no check looks at a store");
    for fared in all_fare(Stores::Worthless, &numbers).await {
        hold(&fared, &numbers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_never_answers_costs_a_question_to_each_service_and_one_last_question() {
    let every = checked();
    let fared = fare(Worthless::Mute, Stores::Missing, every.clone(), 1).await;
    hold(&fared, &every);
    // The first is asked, then the others at once, then one of them once more: three timeouts.
    let allowed = Service::ALL.len() + 1;
    assert!(fared.connections <= allowed, "{} requests were waited for in vain, not {allowed}", fared.connections);
    // Whatever came after says that the target is down, and not that the target is wrong.
    let down = |reason: &String| reason.contains("target down");
    let reasons =
        fared.record.outcomes.iter().flat_map(|outcome| &outcome.steps).filter_map(|step| step.reason.as_ref());
    assert!(reasons.clone().any(down), "{:?}", reasons.collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_target_is_given_time_and_the_record_says_how_much() {
    let fared = fare(Worthless::Late(250), Stores::Missing, vec![11], 1).await;
    hold(&fared, &[11]);
    let deadlines = fared.record.footer.as_ref().unwrap().deadlines.unwrap();
    assert!(deadlines.answer_ms >= 250.0, "{deadlines:?}");
    assert!(deadlines.check_s >= 130.0, "{deadlines:?}");
    let silent = fare(Worthless::Mute, Stores::Missing, vec![11], 1).await;
    assert_eq!(silent.record.footer.as_ref().unwrap().deadlines, None, "nothing was measured");
}
