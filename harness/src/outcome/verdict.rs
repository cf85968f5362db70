//! Verdicts of steps and features, and how a feature's verdict follows from its steps.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is known of a step or of a feature after a run.
///
/// A step is never [`Verdict::Partial`], and [`Verdict::Unchecked`] only together with its whole feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything was observed and holds.
    Pass,
    /// What could be observed here holds; the rest is skipped, each step with the need that was missing.
    Partial,
    /// The target is wrong in at least one step.
    Fail,
    /// The harness could not look; counts neither for nor against the target.
    Error,
    /// Nothing could be observed here, for want of something that is named.
    Skip,
    /// No check exists yet.
    Unchecked,
}

impl Verdict {
    /// All verdicts, in the order in which reports list them.
    pub const ALL: [Verdict; 6] =
        [Verdict::Pass, Verdict::Partial, Verdict::Fail, Verdict::Error, Verdict::Skip, Verdict::Unchecked];

    /// The word that reports and records use.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Partial => "partial",
            Verdict::Fail => "fail",
            Verdict::Error => "error",
            Verdict::Skip => "skip",
            Verdict::Unchecked => "unchecked",
        }
    }

    /// How much a verdict weighs where one of several rounds is kept: what is wrong most, what is sound least.
    pub fn weight(self) -> u8 {
        match self {
            Verdict::Pass => 0,
            Verdict::Unchecked => 1,
            Verdict::Skip => 2,
            Verdict::Partial => 3,
            Verdict::Error => 4,
            Verdict::Fail => 5,
        }
    }

    /// The verdict of a feature whose steps have these verdicts.
    ///
    /// A wrong step outweighs everything, then a look that failed. No step at all is an error: a
    /// feature of which nothing is known has not passed. Neither has one with a step that nobody checks.
    pub fn of_steps(steps: impl IntoIterator<Item = Verdict>) -> Verdict {
        let steps: Vec<Verdict> = steps.into_iter().collect();
        let has = |verdict| steps.contains(&verdict);
        if has(Verdict::Fail) {
            Verdict::Fail
        } else if has(Verdict::Error) || steps.is_empty() {
            Verdict::Error
        } else if has(Verdict::Unchecked) {
            Verdict::Unchecked
        } else if !has(Verdict::Skip) {
            Verdict::Pass
        } else if has(Verdict::Pass) {
            Verdict::Partial
        } else {
            Verdict::Skip
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// One requirement held against what was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// What is demanded, in words: `status of the 101st request`.
    pub requirement: String,
    /// What would satisfy it: `429`.
    pub expected: String,
    /// What was there instead, or indeed.
    pub observed: Value,
    /// Whether the two agree.
    pub holds: bool,
    /// Sequence numbers of the observations it was read from; they stand in the feature's evidence.
    #[serde(default)]
    pub evidence: Vec<u32>,
}

/// One step of a feature with its verdict and the reasons for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepOutcome {
    /// Number of the step within the feature, from 1.
    pub step: u8,
    /// The step in the catalogue's words.
    pub text: String,
    /// `pass`, `fail`, `error` or `skip`.
    pub verdict: Verdict,
    /// Everything that was expected in this step, in order.
    pub expectations: Vec<Expectation>,
    /// The equivalent observation that decided the step, where the step itself cannot be done as it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_as: Option<String>,
    /// Why the step is `skip` or `error`, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One feature with its verdict, its steps and how long the check took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Number of the feature, 1 to 679.
    pub feature: u16,
    /// The feature in the catalogue's words.
    pub description: String,
    /// Follows from the steps, or `unchecked`.
    pub verdict: Verdict,
    /// Revision of the check that decided; 0 for `unchecked`.
    pub revision: u32,
    /// Every step of the catalogue's entry, in order.
    pub steps: Vec<StepOutcome>,
    /// Wall time of the check in milliseconds, its own stack included.
    pub duration_ms: f64,
    /// Why the feature as a whole is `error` or `skip`, where that is not the reason of a single step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many rounds came to which verdict, where the check was run more than once; the outcome is the worst of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rounds: BTreeMap<Verdict, u32>,
}

impl Outcome {
    /// Whether the rounds came to different verdicts: then none of them can be relied on.
    pub fn is_flaky(&self) -> bool {
        self.rounds.len() > 1
    }

    /// What the rounds came to: `pass 19, fail 1`; nothing where there was one round.
    pub fn rounds_in_words(&self) -> String {
        let words = self.rounds.iter().map(|(verdict, count)| format!("{verdict} {count}"));
        words.collect::<Vec<_>>().join(", ")
    }

    /// `flaky: pass 19, fail 1`; nothing where the rounds agree.
    pub fn flaky(&self) -> Option<String> {
        self.is_flaky().then(|| format!("flaky: {}", self.rounds_in_words()))
    }

    /// The first expectation that does not hold, with its step.
    pub fn first_failure(&self) -> Option<(&StepOutcome, &Expectation)> {
        self.steps
            .iter()
            .filter(|step| step.verdict == Verdict::Fail)
            .find_map(|step| Some((step, step.expectations.iter().find(|one| !one.holds)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{self, *};

    #[test]
    fn a_wrong_step_outweighs_everything() {
        assert_eq!(Verdict::of_steps([Pass, Error, Fail, Skip]), Fail);
        assert_eq!(Verdict::of_steps([Pass, Error, Skip]), Error);
    }

    #[test]
    fn a_skipped_step_is_never_a_pass() {
        assert_eq!(Verdict::of_steps([Pass, Skip]), Partial);
        assert_eq!(Verdict::of_steps([Skip, Skip]), Skip);
        assert_eq!(Verdict::of_steps([Pass, Pass]), Pass);
    }

    #[test]
    fn no_step_at_all_is_an_error() {
        assert_eq!(Verdict::of_steps([]), Error);
    }
}
