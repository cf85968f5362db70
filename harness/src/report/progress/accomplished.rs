//! What was accomplished: each feature that passes newly, what was observed of it, and the results; and what was lost.

use super::compare::Comparison;
use super::share::Share;
use crate::catalogue::{Area, Phase};
use crate::outcome::{Outcome, StepOutcome};
use crate::report::{plain, reason};
use serde::Serialize;

/// Of more features than this the steps are left to the report of the run.
const IN_FULL: usize = 20;

/// The section.
#[derive(Serialize)]
pub(super) struct Accomplished {
    /// Whether steps are shown.
    pub(super) in_full: bool,
    pub(super) features: Vec<Completed>,
    pub(super) lost: Vec<Lost>,
}

/// A feature that passes newly.
#[derive(Serialize)]
pub(super) struct Completed {
    pub(super) feature: u16,
    pub(super) description: String,
    /// `phase 1, infrastructure`.
    pub(super) belongs: String,
    /// `19 of 19 scenarios pass (100%)`.
    pub(super) results: String,
    pub(super) steps: Vec<Step>,
}

/// A step, and what was observed of it.
#[derive(Serialize)]
pub(super) struct Step {
    pub(super) step: u8,
    pub(super) text: String,
    pub(super) results: String,
    pub(super) observed_as: Option<String>,
}

/// A feature that passed before.
#[derive(Serialize)]
pub(super) struct Lost {
    pub(super) feature: u16,
    pub(super) description: String,
    pub(super) why: String,
}

impl Accomplished {
    pub(super) fn of(comparison: &Comparison<'_>) -> Accomplished {
        let lost = |outcome: &&Outcome| Lost {
            feature: outcome.feature,
            description: plain::line(&outcome.description),
            why: reason::why(outcome),
        };
        Accomplished {
            in_full: comparison.gained.len() <= IN_FULL,
            features: comparison.gained.iter().map(|outcome| completed(outcome)).collect(),
            lost: comparison.lost.iter().map(lost).collect(),
        }
    }
}

fn completed(outcome: &Outcome) -> Completed {
    Completed {
        feature: outcome.feature,
        description: plain::line(&outcome.description),
        belongs: belongs(outcome.feature),
        results: results(Share::of_scenarios([outcome])),
        steps: outcome.steps.iter().map(step).collect(),
    }
}

fn step(step: &StepOutcome) -> Step {
    let held = step.expectations.iter().filter(|one| one.holds).count();
    Step {
        step: step.step,
        text: plain::line(&step.text),
        results: format!("{held} of {}", step.expectations.len()),
        observed_as: step.observed_as.as_deref().map(plain::line),
    }
}

fn results(scenarios: Share) -> String {
    format!("{} of {} scenarios pass ({})", scenarios.part, scenarios.whole, scenarios.short_percent())
}

/// `phase 1, infrastructure`.
pub(super) fn belongs(feature: u16) -> String {
    let phase = Phase::of(feature).map(|phase| format!("phase {}", phase.number));
    let area = Area::of(feature).map(|area| area.name().to_owned());
    [phase, area].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
