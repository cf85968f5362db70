//! The order of work: as many checks at a time as there are jobs, the long ones first, else as the seed has it.

use super::in_time::in_time;
use super::restore::restore;
use super::{Deadline, Place, RollCall, Rounds};
use crate::catalogue::Feature;
use crate::check::{CannotLook, Case, Check, Finished, Live, Patience, Stop, mix};
use crate::checks;
use crate::ledger::Ledger;
use crate::outcome::{Evidence, Outcome, StepOutcome, Verdict};
use crate::target::{Need, Setup, Target};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// What is to be checked, and how.
pub struct Plan {
    /// The features, each with its check if there is one.
    pub features: Vec<(Feature, Option<&'static Check>)>,
    /// Checks at a time.
    pub jobs: usize,
    /// How long a single wait may really last.
    pub patience: Patience,
    /// Seed of ids and chance.
    pub seed: u64,
    /// How often each check is run.
    pub rounds: Rounds,
    /// Takes note of the state of the services, where anybody wants to know.
    pub roll_call: Option<Arc<RollCall>>,
    /// Where it is written down what checks make, on a target that is not the harness's own.
    pub ledger: Option<Arc<Ledger>>,
}

/// What happens during a run, in order.
pub enum Event {
    /// A check has begun.
    Started {
        /// Number of its feature.
        feature: u16,
        /// Description of its feature.
        description: String,
    },
    /// A feature has its outcome.
    Finished(Run),
}

/// The outcome of one feature, with what it rests on.
pub struct Run {
    /// The outcome.
    pub outcome: Outcome,
    /// What was seen; nothing for a feature without a check.
    pub evidence: Option<Evidence>,
    /// Values that must not be shown, of the target that was looked at.
    pub secrets: Vec<crate::target::Secret>,
}

impl Run {
    /// A feature that has no check.
    pub fn unchecked(feature: &Feature) -> Run {
        let reason = "no check exists yet".to_owned();
        Run::without_evidence(undecided(feature, 0, Verdict::Unchecked, reason))
    }

    /// A feature of which nothing can be known, for there is no target; `unchecked` if it has no check.
    pub fn without_target(feature: &Feature, reason: &str) -> Run {
        match checks::find(feature.number) {
            None => Run::unchecked(feature),
            Some(check) => {
                let outcome = undecided(feature, check.revision, Verdict::Error, reason.to_owned());
                Run::without_evidence(outcome)
            }
        }
    }

    fn without_evidence(outcome: Outcome) -> Run {
        Run { outcome, evidence: None, secrets: Vec::new() }
    }
}

/// Runs the plan; every event is handed to the listener as it happens.
pub async fn run(plan: Plan, place: &Arc<Place>, mut listener: impl FnMut(Event)) {
    let (mut waiting, mut after) = (Vec::new(), Vec::new());
    for (feature, check) in plan.features {
        match check {
            None => listener(Event::Finished(Run::unchecked(&feature))),
            Some(check) if matches!(check.setup, Setup::Composed(_)) => after.push((feature, check)),
            Some(check) => waiting.push((feature, check)),
        }
    }
    let Plan { patience, seed, rounds, roll_call, ledger, .. } = plan;
    let manner = Manner { patience, seed, rounds, roll_call, ledger };
    // Somebody else's system is one for all, so what would have a stack of its own has the system to itself instead.
    let mut alone = Vec::new();
    if place.is_shared_by_all() {
        (waiting, alone) = waiting.into_iter().partition(|(_, check)| check.setup == Setup::Shared);
    }
    work_off(waiting, plan.jobs, &manner, place, &mut listener).await;
    work_off(alone, 1, &manner, place, &mut listener).await;
    // Thirteen containers that start keep a machine busy, and the others may be about time.
    work_off(after, plan.jobs, &manner, place, &mut listener).await;
}

/// Runs checks in parallel until none is left.
async fn work_off(
    mut waiting: Vec<(Feature, &'static Check)>,
    jobs: usize,
    manner: &Manner,
    place: &Arc<Place>,
    listener: &mut impl FnMut(Event),
) {
    let (send, mut events) = mpsc::unbounded_channel();
    waiting.sort_by_key(|(_, check)| turn(check, manner.seed));
    waiting.reverse();
    let waiting = Arc::new(std::sync::Mutex::new(waiting));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..jobs.max(1) {
        let (waiting, place, send, manner) = (waiting.clone(), place.clone(), send.clone(), manner.clone());
        workers.spawn(async move {
            let next = || waiting.lock().expect("nothing panics while it holds this lock").pop();
            while let Some((feature, check)) = next() {
                let _ = send.send(Event::Started { feature: feature.number, description: feature.description.clone() });
                let run = check_often(&place, &feature, check, &manner).await;
                let _ = send.send(Event::Finished(run));
            }
        });
    }
    drop(send);
    while let Some(event) = events.recv().await {
        listener(event);
    }
    while workers.join_next().await.is_some() {}
}

/// When a check's turn is. Those with a stack of their own take longer and come first, and the shared stack is made by
/// whoever asks first; among equals the seed decides, so that whatever depends on the order of checks shows.
fn turn(check: &Check, seed: u64) -> (bool, u64) {
    (check.setup == Setup::Shared, mix(seed ^ u64::from(check.feature)))
}

/// An outcome whose steps all have the same verdict for the same reason.
fn undecided(feature: &Feature, revision: u32, verdict: Verdict, reason: String) -> Outcome {
    let step = |(at, text): (usize, &String)| StepOutcome {
        step: at as u8 + 1,
        text: text.clone(),
        verdict,
        expectations: Vec::new(),
        observed_as: None,
        reason: (verdict != Verdict::Unchecked).then(|| reason.clone()),
    };
    Outcome {
        feature: feature.number,
        description: feature.description.clone(),
        verdict,
        revision,
        steps: feature.steps.iter().enumerate().map(step).collect(),
        duration_ms: 0.0,
        rounds: Default::default(),
        reason: (verdict != Verdict::Unchecked).then_some(reason),
    }
}

/// How each check is run.
#[derive(Clone)]
struct Manner {
    patience: Patience,
    seed: u64,
    rounds: Rounds,
    roll_call: Option<Arc<RollCall>>,
    ledger: Option<Arc<Ledger>>,
}

/// Runs a check as often as it is asked for, each time with ids of its own, and keeps the worst of what it came to.
async fn check_often(place: &Place, feature: &Feature, check: &'static Check, manner: &Manner) -> Run {
    let began = Instant::now();
    let mut kept = check_one(place, feature, check, manner, 0).await;
    if manner.rounds == Rounds::ONE {
        return kept;
    }
    let mut verdicts = BTreeMap::from([(kept.outcome.verdict, 1)]);
    for round in 1..manner.rounds.most {
        if manner.rounds.until_fail && verdicts.contains_key(&Verdict::Fail) {
            break;
        }
        let run = check_one(place, feature, check, manner, round).await;
        *verdicts.entry(run.outcome.verdict).or_default() += 1;
        if run.outcome.verdict.weight() > kept.outcome.verdict.weight() {
            kept = run;
        }
    }
    kept.outcome.rounds = verdicts;
    kept.outcome.duration_ms = (began.elapsed().as_secs_f64() * 1e4).round() / 10.0;
    kept
}

async fn check_one(place: &Place, feature: &Feature, check: &'static Check, manner: &Manner, round: u32) -> Run {
    let patience = manner.patience;
    let seed = if round == 0 { manner.seed } else { mix(manner.seed ^ u64::from(round)) };
    let began = Instant::now();
    let error = |reason: String| Run::without_evidence(undecided(feature, check.revision, Verdict::Error, reason));
    let mut run = match place.enter(check.feature, check.setup).await {
        Err(reason) => error(format!("no target: {reason}")),
        Ok(placed) => {
            let target = placed.target.clone();
            let mut answer = None;
            if let Some(roll_call) = &manner.roll_call {
                roll_call.take(&target, patience, placed.pulse.clone()).await;
                answer = roll_call.answer().await;
            }
            let mut left_behind = None;
            let mut run = match lacking(check, &target) {
                Some(need) => {
                    let reason = format!("needs {need}");
                    Run::without_evidence(undecided(feature, check.revision, Verdict::Skip, reason))
                }
                None => {
                    let live = Live::new(target.clone(), patience, placed.pulse.clone(), check.feature);
                    let live = Arc::new(live.in_round(check.feature, round).keeping(manner.ledger.clone()));
                    let case = Case::live(live.clone(), check.feature, check.revision, seed);
                    let decided = decide(case, live.clone(), answer, (feature, check)).await;
                    if place.is_shared_by_all() {
                        left_behind = restore(&live).await.err();
                    }
                    match decided {
                        Ok(finished) => Run {
                            outcome: finished.outcome,
                            evidence: Some(finished.evidence),
                            secrets: target.all_secrets(),
                        },
                        Err(panic) => error(format!("the check itself is broken: {panic}")),
                    }
                }
            };
            placed.leave().await;
            if let Some(what) = left_behind {
                run.outcome.reason.get_or_insert(what);
            }
            let epitaph = match run.outcome.verdict {
                Verdict::Skip => None,
                _ => place.epitaph(patience.answer).await,
            };
            match epitaph {
                // Whatever the check made of the silence, it is not the target's answer.
                Some(why) => Run { outcome: undecided(feature, check.revision, Verdict::Error, why), ..run },
                None => run,
            }
        }
    };
    run.outcome.duration_ms = (began.elapsed().as_secs_f64() * 1e4).round() / 10.0;
    run
}

fn lacking(check: &Check, target: &Target) -> Option<Need> {
    check.needs.iter().copied().find(|need| !target.has(*need))
}

/// Runs one check to its end, its deadline or its panic; the deadline follows from what an answer takes.
///
/// # Errors
/// Where the check panics.
pub async fn decide(
    mut case: Case,
    live: Arc<Live>,
    answer: Option<Duration>,
    (feature, check): (&Feature, &'static Check),
) -> Result<Finished, tokio::task::JoinError> {
    let feature = feature.clone();
    let work = async move {
        let deadline = || Deadline::of(&live, check, answer);
        let ended = in_time((check.run)(&mut case), || deadline().limit()).await;
        let ended = ended.unwrap_or_else(|| {
            let reason = format!("the check did not end within {}", deadline());
            Err(Stop::CannotLook(CannotLook::new("runner", reason)))
        });
        case.finish(&feature.description, &feature.steps, ended)
    };
    tokio::spawn(work).await
}
