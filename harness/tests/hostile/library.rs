//! Hostile targets through the runner.

use crate::subject::{Enemy, SECRETS, start};
use harness::catalogue::Catalogue;
use harness::check::Patience;
use harness::checks;
use harness::outcome::Verdict;
use harness::provision::external;
use harness::record::Record;
use harness::runner::{News, Rounds, Session, Subject, conduct};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long an answer is waited for.
pub const ANSWER: Duration = Duration::from_millis(800);
/// No run takes longer, on a slow machine with much else to do.
pub const LONGEST_RUN: Duration = Duration::from_secs(300);
/// Hostile targets at a time: they keep a machine busy.
const AT_ONCE: usize = 12;

/// The features that have a check.
pub fn checked() -> Vec<u16> {
    checks::all().map(|check| check.feature).collect()
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Nothing passes, no check breaks, nothing is lost.
pub fn hold(what: &str, record: &Record, numbers: &[u16]) {
    assert!(record.finished(), "{what}: {:?}", record.damage);
    let there: Vec<u16> = record.outcomes.iter().map(|outcome| outcome.feature).collect();
    assert_eq!(there, numbers, "{what}: outcomes");
    for outcome in &record.outcomes {
        let place = format!("f{:03} of a target: {what}", outcome.feature);
        assert!(
            matches!(outcome.verdict, Verdict::Fail | Verdict::Error | Verdict::Skip),
            "{place} is {}",
            outcome.verdict
        );
        let reasons = outcome.steps.iter().filter_map(|step| step.reason.as_ref()).chain(&outcome.reason);
        for reason in reasons {
            for broken in ["the check itself is broken", "the check did not end", "broke the client"] {
                assert!(!reason.contains(broken), "{place}: {reason}");
            }
        }
        // Whatever evidence there is can be read again.
        if harness::record::evidence_path(&record.dir, outcome.feature).exists() {
            record.evidence(outcome.feature).unwrap_or_else(|error| panic!("{place}: {error}"));
        }
    }
}

async fn fare(enemy: Enemy) {
    let subject = start(enemy).await;
    let variable = |name: &str| SECRETS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let target = external::load(&subject.file, &variable).unwrap();
    let numbers = checked();
    let session = Session {
        subject: Subject::External(Box::new(target)),
        catalogue: Catalogue::load(root().join("features/feature_list.json")).unwrap(),
        numbers: numbers.clone(),
        record: subject.folder.path().join("record"),
        resumes: false,
        rounds: Rounds::ONE,
        jobs: 8,
        patience: Patience { answer: ANSWER, ..Patience::default() },
        seed: 41,
    };
    let began = Instant::now();
    let mut told = Vec::new();
    let listen = |news: News<'_>| {
        if let News::Finished(outcome) = news {
            told.push(outcome.feature);
        }
    };
    let dir = conduct(session, listen).await.unwrap();
    let took = began.elapsed();
    eprintln!("{:>6.1} s  {}", took.as_secs_f64(), enemy.what());
    assert!(took < LONGEST_RUN, "{}: {took:?}", enemy.what());
    told.sort_unstable();
    assert_eq!(told, numbers, "{}: outcomes that the listener heard of", enemy.what());
    hold(enemy.what(), &Record::read(&dir).unwrap(), &numbers);
}

/// Lets every hostile target have its run, some at a time, and says what went wrong with all of them.
pub async fn each_has_its_run<F>(fare: impl Fn(Enemy) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let runs = Enemy::all().into_iter().map(|enemy| {
        let (turns, run) = (turns.clone(), fare(enemy));
        tokio::spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            run.await;
        })
    });
    let mut wrong = Vec::new();
    for run in runs.collect::<Vec<_>>() {
        wrong.extend(run.await.err().map(|error| error.to_string()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_target_passes_breaks_or_holds_up_a_check() {
    each_has_its_run(fare).await;
}
