//! Why a feature has its verdict, in one line: what a gate, a terminal and a CI service show of it.

use super::plain;
use crate::outcome::{Expectation, Outcome, StepOutcome, Verdict};

/// How much of an observed value stands in a line.
const SHOWN: usize = 160;

/// The verdict with its most telling reason.
pub fn why(outcome: &Outcome) -> String {
    let word = outcome.verdict.word();
    match because(outcome) {
        Some(reason) => format!("{word}: {reason}"),
        None => word.to_owned(),
    }
}

/// The most telling reason for a verdict; none for a pass.
pub fn because(outcome: &Outcome) -> Option<String> {
    if let Some((step, expectation)) = outcome.first_failure() {
        return Some(format!("step {}: {}", step.step, difference(expectation)));
    }
    let reason_of = |wanted: Verdict| {
        let steps = outcome.steps.iter().filter(move |step| step.verdict == wanted);
        steps.filter_map(|step| Some(format!("step {}: {}", step.step, plain::line(step.reason.as_deref()?))))
    };
    let of_steps = [Verdict::Fail, Verdict::Error, Verdict::Skip].into_iter().flat_map(reason_of).next();
    let of_feature = outcome.reason.as_deref().map(plain::line);
    let unchecked = || (outcome.verdict == Verdict::Unchecked).then(|| "no check exists yet".to_owned());
    of_feature.or(of_steps).or_else(unchecked)
}

/// `status: expected 429, observed 200`.
pub fn difference(expectation: &Expectation) -> String {
    let observed = plain::short(&plain::observed(&expectation.observed), SHOWN);
    let [requirement, expected] = [&expectation.requirement, &expectation.expected].map(|text| plain::line(text));
    format!("{requirement}: expected {expected}, observed {observed}")
}

/// What was not observed of a feature, a line for each step.
pub fn unobserved(outcome: &Outcome) -> impl Iterator<Item = String> + use<'_> {
    let skipped = outcome.steps.iter().filter(|step| step.verdict == Verdict::Skip);
    skipped.map(|step| {
        let reason = step.reason.as_deref().unwrap_or("no reason was given");
        format!("step {} was not observed: {}", step.step, plain::line(reason))
    })
}

/// Every expectation that does not hold, with its step.
pub fn failures(outcome: &Outcome) -> impl Iterator<Item = (&StepOutcome, &Expectation)> {
    let failed = outcome.steps.iter().filter(|step| step.verdict == Verdict::Fail);
    failed.flat_map(|step| {
        let broken = step.expectations.iter().filter(|one| !one.holds);
        broken.map(move |one| (step, one))
    })
}
