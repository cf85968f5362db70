//! Tampering: a check is replayed on its own evidence with one change at a time, and must notice.

use super::mutate::mutations;
use super::replay::{replay, replay_with};
use crate::catalogue::Feature;
use crate::check::{Check, Shown, Tampering};
use crate::outcome::{Evidence, StepOutcome, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Whether one step of a check can fail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepProof {
    /// Number of the step.
    pub step: u8,
    /// Whether the step passes on the evidence as it is; only then there is something to prove.
    pub passes: bool,
    /// Tamperings with observations of its own that turned it to `fail`.
    pub noticed: usize,
    /// The first of them, in words.
    pub example: Option<String>,
}

/// What tampering showed about one check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TamperProof {
    /// Number of the feature.
    pub feature: u16,
    /// Whether the evidence gives the check the same verdict again when nothing is altered.
    pub verdict: Verdict,
    /// Every step.
    pub steps: Vec<StepProof>,
    /// Tamperings tried.
    pub tried: usize,
    /// Leaves that were looked at.
    pub leaves: usize,
    /// Leaves of which at least one tampering was noticed.
    pub noticed_leaves: usize,
    /// Leaves that can be altered in every way without notice: `#12 /body/note`.
    pub survivors: Vec<String>,
    /// Steps that do not pass though nothing is altered, with the reason.
    pub broken: Vec<String>,
}

impl TamperProof {
    /// Share of looked-at leaves whose tampering is noticed, from 0 to 1.
    pub fn sensitivity(&self) -> f64 {
        if self.leaves == 0 {
            return 0.0;
        }
        self.noticed_leaves as f64 / self.leaves as f64
    }

    /// Steps that pass and that no tampering turns red: they assert nothing.
    pub fn unproven(&self) -> Vec<u8> {
        let blind = |step: &&StepProof| step.passes && step.noticed == 0;
        self.steps.iter().filter(blind).map(|step| step.step).collect()
    }
}

/// Tampers with every place that a check looked at, one at a time.
pub fn tamper(check: &Check, feature: &Feature, evidence: &Evidence) -> TamperProof {
    let sound = replay(check, feature, evidence);
    let verdicts: BTreeMap<u8, Verdict> = sound.outcome.steps.iter().map(|step| (step.step, step.verdict)).collect();
    let mut steps: BTreeMap<u8, StepProof> = verdicts
        .iter()
        .map(|(&step, &verdict)| {
            let proof = StepProof { step, passes: verdict == Verdict::Pass, noticed: 0, example: None };
            (step, proof)
        })
        .collect();
    let observations: Arc<[Shown]> = evidence.observations.iter().map(Shown::from).collect();
    let mut leaves: BTreeMap<(u32, String), bool> = BTreeMap::new();
    let mut done = BTreeSet::new();
    let mut tried = 0;
    for ((seq, pointer), look, of_steps) in sound.reads.places() {
        let Some(observation) = evidence.observations.get(seq as usize - 1) else {
            continue;
        };
        for mutation in mutations(&observation.seen, &pointer, look) {
            let leaf = (seq, mutation.leaf.clone());
            let noticed = leaves.entry(leaf).or_default();
            // The same change may be reached through several looks; what it does is seen the first time.
            if !done.insert((seq, of_steps.clone(), mutation.leaf.clone(), mutation.at)) {
                continue;
            }
            tried += 1;
            let tampering = Tampering { seq, seen: Arc::new(mutation.seen) };
            let tampered = replay_with(check, feature, &evidence.circumstances, observations.clone(), Some(tampering));
            for step in &tampered.outcome.steps {
                if step.verdict != Verdict::Fail || verdicts.get(&step.step) == Some(&Verdict::Fail) {
                    continue;
                }
                *noticed = true;
                let Some(proof) = steps.get_mut(&step.step) else {
                    continue;
                };
                if of_steps.contains(&step.step) {
                    proof.noticed += 1;
                    proof.example.get_or_insert_with(|| {
                        format!("#{seq} {}{} {}", observation.probe, mutation.leaf, mutation.how)
                    });
                }
            }
        }
    }
    TamperProof {
        feature: check.feature,
        verdict: sound.outcome.verdict,
        steps: steps.into_values().collect(),
        tried,
        leaves: leaves.len(),
        noticed_leaves: leaves.values().filter(|noticed| **noticed).count(),
        survivors: leaves
            .iter()
            .filter(|(_, noticed)| !**noticed)
            .map(|((seq, leaf), _)| format!("#{seq} {leaf}"))
            .collect(),
        broken: sound.outcome.steps.iter().filter_map(broken).collect(),
    }
}

fn broken(step: &StepOutcome) -> Option<String> {
    if step.verdict == Verdict::Pass {
        return None;
    }
    let failure = step.expectations.iter().find(|one| !one.holds).map(|one| one.requirement.clone());
    let reason = step.reason.clone().or(failure).unwrap_or_default();
    Some(format!("step {}: {}: {reason}", step.step, step.verdict))
}
