//! The failure that is looked for: a requirement of a step that does not hold, and how it is known again.

use crate::outcome::{Expectation, Outcome, StepOutcome, Verdict};
use crate::record::Record;
use serde_json::Value;

/// Why a record holds no failure to look for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoFailure {
    /// The feature was not looked at.
    #[error("the record holds nothing of feature {feature}; {others}")]
    NotThere {
        /// The feature.
        feature: u16,
        /// Which features failed.
        others: String,
    },
    /// The feature did not fail.
    #[error("feature {feature} is `{verdict}` in this record, so there is no failure to show again; {others}")]
    NotFailed {
        /// The feature.
        feature: u16,
        /// Its verdict.
        verdict: Verdict,
        /// Which features failed.
        others: String,
    },
    /// The step did not fail.
    #[error("step {step} of feature {feature} did not fail in this record; {failing}")]
    StepNotFailed {
        /// The feature.
        feature: u16,
        /// The step.
        step: u8,
        /// Which steps failed.
        failing: String,
    },
}

/// A requirement that does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The step, from 1.
    pub step: u8,
    /// What is demanded.
    pub requirement: String,
    /// What would satisfy it.
    pub expected: String,
    /// What was there instead.
    pub observed: Value,
    /// The observations it was read from.
    pub evidence: Vec<u32>,
}

impl Failure {
    /// The failure of a feature in a record: of the step that is named, else of the first that fails.
    ///
    /// # Errors
    /// Says what failed in the record instead.
    pub fn recorded(record: &Record, feature: u16, step: Option<u8>) -> Result<Failure, NoFailure> {
        let others = || {
            let failed = record.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Fail);
            listed("what failed there are features", "nothing failed there", failed.map(|outcome| outcome.feature))
        };
        let outcome = record.outcome(feature).ok_or_else(|| NoFailure::NotThere { feature, others: others() })?;
        let failing = || outcome.steps.iter().filter_map(|step| Some((step.step, first_wrong(step)?)));
        let found = failing().find(|(number, _)| step.is_none_or(|step| step == *number));
        match (found, step) {
            (Some((step, wrong)), _) => Ok(Failure::of(step, wrong)),
            (None, Some(step)) if failing().next().is_some() => {
                let steps = failing().map(|(number, _)| u16::from(number));
                let failing = listed("what failed are steps", "none did", steps);
                Err(NoFailure::StepNotFailed { feature, step, failing })
            }
            _ => Err(NoFailure::NotFailed { feature, verdict: outcome.verdict, others: others() }),
        }
    }

    /// What does not hold, as a failure of its step.
    pub fn of(step: u8, wrong: &Expectation) -> Failure {
        Failure {
            step,
            requirement: wrong.requirement.clone(),
            expected: wrong.expected.clone(),
            observed: wrong.observed.clone(),
            evidence: wrong.evidence.clone(),
        }
    }

    /// The same requirement where it does not hold in another outcome.
    pub(super) fn again<'a>(&'a self, outcome: &'a Outcome) -> impl Iterator<Item = &'a Expectation> {
        let steps = outcome.steps.iter().filter(|step| step.step == self.step);
        let expectations = steps.flat_map(|step| &step.expectations);
        expectations.filter(|one| !one.holds && one.requirement == self.requirement)
    }

    /// `step 5: status of request 101: expected 429, observed 200`, of a target's own words whatever they are.
    pub fn told(&self) -> String {
        use crate::report::plain;
        let Failure { step, requirement, expected, observed, .. } = self;
        let (requirement, expected) = (plain::line(requirement), plain::line(expected));
        format!("step {step}: {requirement}: expected {expected}, observed {}", plain::observed(observed))
    }
}

fn first_wrong(step: &StepOutcome) -> Option<&Expectation> {
    step.expectations.iter().find(|one| !one.holds).filter(|_| step.verdict == Verdict::Fail)
}

fn listed(what: &str, nothing: &str, numbers: impl Iterator<Item = u16>) -> String {
    let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
    if numbers.is_empty() { nothing.to_owned() } else { format!("{what} {}", numbers.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;

    #[test]
    fn who_asks_for_what_did_not_fail_is_told_what_did() {
        let place = tempfile::tempdir().unwrap();
        fixture::write(place.path());
        let record = Record::read(place.path()).unwrap();
        let failed = record.outcomes.iter().find(|outcome| outcome.verdict == Verdict::Fail).unwrap();
        let (step, wrong) = failed.first_failure().unwrap();
        let found = Failure::recorded(&record, failed.feature, None).unwrap();
        assert_eq!(found, Failure::of(step.step, wrong));
        assert_eq!(Failure::recorded(&record, failed.feature, Some(step.step)).unwrap(), found);
        let told = Failure::recorded(&record, failed.feature, Some(99)).unwrap_err().to_string();
        assert!(told.contains("what failed are steps "), "{told}");
        let passed = record.outcomes.iter().find(|outcome| outcome.verdict == Verdict::Pass).unwrap();
        for feature in [passed.feature, 600] {
            let told = Failure::recorded(&record, feature, None).unwrap_err().to_string();
            assert!(told.contains(&format!("features {}", failed.feature)), "{told}");
        }
    }
}
