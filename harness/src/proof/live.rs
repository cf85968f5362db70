//! Sabotage: every check is run on a target that is broken in one way, and exactly the named features must turn red.

use super::Share;
use crate::catalogue::Feature;
use crate::check::{Check, Patience, mix};
use crate::outcome::{Outcome, Verdict};
use crate::provision::Servers;
use crate::runner::{Event, Place, Plan, Rounds, run};
use crate::sabotage::Sabotage;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What one sabotage did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SabotageProof {
    /// The feature whose check declares it.
    pub feature: u16,
    /// What was broken, in words.
    pub what: String,
    /// Features that had to turn red.
    pub expected: BTreeSet<u16>,
    /// Features that did.
    pub red: BTreeSet<u16>,
    /// Features whose verdict changed otherwise than from sound to red: `f019: pass to error`.
    pub disturbed: Vec<String>,
    /// The first failure of the check that declares it: step, requirement, expected, observed.
    pub noticed_by: Option<String>,
    /// How often it was tried; a second time where a busy machine may have disturbed the first.
    pub tries: u8,
    /// The first failure of every other feature that turned red though it should not.
    pub surprises: Vec<String>,
}

impl SabotageProof {
    /// Whether exactly the named features turned red and all others stayed as they were.
    pub fn is_exact(&self) -> bool {
        self.red == self.expected && self.disturbed.is_empty()
    }
}

/// A sound target on which every check is known, and how to run them there.
pub struct Ground<'a> {
    /// The servers that stacks are made on.
    pub servers: &'a Arc<Servers>,
    /// Every check there is, with its feature.
    pub checks: &'a [(Feature, &'static Check)],
    /// Their verdicts on a sound target.
    pub sound: &'a BTreeMap<u16, Verdict>,
    /// Checks at a time.
    pub jobs: usize,
    /// Seed of ids and chance.
    pub seed: u64,
    /// How many of the other checks look at a broken target, too.
    pub others: Share,
}

impl Ground<'_> {
    /// The checks that look at a broken target: those that must turn red, and of the others those drawn, as far as
    /// their target is another than before.
    fn witnesses(&self, of: &Check, sabotage: &Sabotage) -> Vec<(Feature, Option<&'static Check>)> {
        let looks = |check: &Check| {
            let meant = check.feature == of.feature || sabotage.also_red.contains(&check.feature);
            meant || sabotage.how.touches(check.setup) && self.others.draws(self.seed, sabotage.what, check.feature)
        };
        let looking = self.checks.iter().filter(|(_, check)| looks(check));
        looking.map(|(feature, check)| (feature.clone(), Some(*check))).collect()
    }
}

/// Runs the checks on stacks that are broken in one way and compares with the verdicts on a sound one. What is not
/// exact is tried once more, and the proof says so.
pub async fn sabotage(ground: &Ground<'_>, of: &'static Check, sabotage: &Sabotage) -> SabotageProof {
    let first = try_once(ground, of, sabotage, 1).await;
    if first.is_exact() {
        return first;
    }
    try_once(ground, of, sabotage, 2).await
}

async fn try_once(ground: &Ground<'_>, of: &'static Check, sabotage: &Sabotage, tries: u8) -> SabotageProof {
    let Ground { servers, sound, jobs, .. } = *ground;
    // Ids of its own for each stay: what a check names on the servers, as a role of PostgreSQL, outlives its stack.
    let place_in_proof = sabotage.what.bytes().chain([tries]).fold(ground.seed, |all, byte| mix(all ^ u64::from(byte)));
    let seed = place_in_proof >> 16;
    let place = Arc::new(Place::stacks(servers.clone(), vec![sabotage.how], seed));
    let plan = Plan {
        features: ground.witnesses(of, sabotage),
        jobs,
        patience: Patience::default(),
        seed,
        rounds: Rounds::ONE,
        roll_call: None,
        ledger: None,
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    run(plan, &place, |event| {
        if let Event::Finished(run) = event {
            outcomes.push(run.outcome);
        }
    })
    .await;
    if let Ok(place) = Arc::try_unwrap(place).map_err(drop) {
        place.close().await;
    }
    let mut proof = SabotageProof {
        feature: of.feature,
        what: sabotage.what.to_owned(),
        expected: sabotage.also_red.iter().copied().chain([of.feature]).collect(),
        red: BTreeSet::new(),
        disturbed: Vec::new(),
        surprises: Vec::new(),
        tries,
        noticed_by: outcomes.iter().find(|one| one.feature == of.feature).and_then(first_failure),
    };
    outcomes.sort_by_key(|outcome| outcome.feature);
    for outcome in &outcomes {
        let before = sound.get(&outcome.feature).copied().unwrap_or(Verdict::Error);
        if outcome.verdict == Verdict::Fail {
            proof.red.insert(outcome.feature);
            if !proof.expected.contains(&outcome.feature) {
                let failure = first_failure(outcome).unwrap_or_default();
                proof.surprises.push(format!("f{:03}: {failure}", outcome.feature));
            }
        } else if outcome.verdict != before {
            let reason = outcome.steps.iter().find_map(|step| step.reason.clone()).or(outcome.reason.clone());
            let reason = reason.unwrap_or_default();
            let (number, after) = (outcome.feature, outcome.verdict);
            proof.disturbed.push(format!("f{number:03}: {before} to {after}: {reason}"));
        }
    }
    proof
}

fn first_failure(outcome: &Outcome) -> Option<String> {
    let (step, failure) = outcome.first_failure()?;
    Some(format!(
        "step {}: {}: expected {}, observed {}",
        step.step, failure.requirement, failure.expected, failure.observed
    ))
}
