//! Sabotage: every check is run on a target that is broken in one way, and exactly the named features must turn red.

use crate::catalogue::Feature;
use crate::check::{Check, Patience};
use crate::outcome::{Outcome, Verdict};
use crate::provision::Servers;
use crate::runner::{Event, Place, Plan, run};
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
    /// The first failure of every other feature that turned red though it should not.
    pub surprises: Vec<String>,
}

impl SabotageProof {
    /// Whether exactly the named features turned red and all others stayed as they were.
    pub fn is_exact(&self) -> bool {
        self.red == self.expected && self.disturbed.is_empty()
    }
}

/// Runs the checks on stacks that are broken in one way and compares with the verdicts on a sound one.
pub async fn sabotage(
    servers: &Arc<Servers>,
    checks: &[(Feature, &'static Check)],
    sound: &BTreeMap<u16, Verdict>,
    of: &'static Check,
    sabotage: &Sabotage,
    jobs: usize,
    seed: u64,
) -> SabotageProof {
    let place = Arc::new(Place::stacks(servers.clone(), vec![sabotage.how], seed));
    let plan = Plan {
        features: checks
            .iter()
            .map(|(feature, check)| (feature.clone(), Some(*check)))
            .collect(),
        jobs,
        patience: Patience(std::time::Duration::ZERO),
        seed,
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
        expected: sabotage
            .also_red
            .iter()
            .copied()
            .chain([of.feature])
            .collect(),
        red: BTreeSet::new(),
        disturbed: Vec::new(),
        surprises: Vec::new(),
        noticed_by: outcomes
            .iter()
            .find(|one| one.feature == of.feature)
            .and_then(first_failure),
    };
    outcomes.sort_by_key(|outcome| outcome.feature);
    for outcome in &outcomes {
        let before = sound
            .get(&outcome.feature)
            .copied()
            .unwrap_or(Verdict::Error);
        if outcome.verdict == Verdict::Fail {
            proof.red.insert(outcome.feature);
            if !proof.expected.contains(&outcome.feature) {
                let failure = first_failure(outcome).unwrap_or_default();
                proof
                    .surprises
                    .push(format!("f{:03}: {failure}", outcome.feature));
            }
        } else if outcome.verdict != before {
            let reason = outcome
                .steps
                .iter()
                .find_map(|step| step.reason.clone())
                .or(outcome.reason.clone());
            let reason = reason.unwrap_or_default();
            let (number, after) = (outcome.feature, outcome.verdict);
            proof
                .disturbed
                .push(format!("f{number:03}: {before} to {after}: {reason}"));
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
