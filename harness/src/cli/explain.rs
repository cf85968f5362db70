//! `conform explain`: all about one feature, its steps, what was seen of each, and how its check is shown able to fail.

use super::args::ExplainArgs;
use super::place::{self, CommandError};
use crate::catalogue::{Feature, Phase};
use crate::check::Check;
use crate::checks;
use crate::exit_code::Exit;
use crate::outcome::{Expectation, Outcome, StepOutcome};
use crate::record::{Record, evidence_path};
use crate::report::{plain, reason};
use std::fmt::Write as _;

/// How much of an observed value is shown.
const SHOWN: usize = 400;

/// Adds a line; writing to a text cannot fail.
macro_rules! add {
    ($text:expr, $($words:tt)*) => {
        writeln!($text, $($words)*).expect("a text can always grow")
    };
}

/// Prints all that is known of a feature.
pub(super) fn explain(args: &ExplainArgs) -> Result<Exit, CommandError> {
    let catalogue = place::catalogue(args.catalogue.as_deref())?;
    let feature = catalogue
        .feature(args.feature)
        .ok_or(CommandError::NoFeature { feature: args.feature, last: catalogue.len() })?;
    let record = place::record(args.record.as_deref())?;
    let text = explanation(feature, checks::find(feature.number), record.as_ref());
    place::print(&text)?;
    Ok(Exit::Fine)
}

fn explanation(feature: &Feature, check: Option<&Check>, record: Option<&Record>) -> String {
    let mut text = String::new();
    let phase = Phase::numbered(feature.phase).map_or("", |phase| phase.name);
    add!(text, "Feature {}: {}", feature.number, plain::line(&feature.description));
    add!(text, "phase {} ({phase}), area {}, {}", feature.phase, feature.area, feature.category.name());
    let outcome = record.and_then(|record| record.outcome(feature.number));
    if let Some(outcome) = outcome {
        add!(text, "last record: {}", reason::why(outcome));
    }
    add!(text, "");
    if !feature.steps_written() {
        add!(text, "Its steps are not written yet.");
    }
    for (number, words) in (1..).zip(&feature.steps) {
        let seen = outcome.and_then(|outcome| outcome.steps.iter().find(|step| step.step == number));
        step(&mut text, number, words, seen);
    }
    add!(text, "");
    proof(&mut text, check);
    evidence(&mut text, record, outcome);
    text
}

fn step(text: &mut String, number: u8, words: &str, seen: Option<&StepOutcome>) {
    let verdict = seen.map(|step| format!("  [{}]", step.verdict)).unwrap_or_default();
    add!(text, "{number:>3}. {}{verdict}", plain::line(words));
    let Some(seen) = seen else {
        return;
    };
    if let Some(instead) = &seen.observed_as {
        add!(text, "     observed as: {}", plain::line(instead));
    }
    if let Some(reason) = &seen.reason {
        add!(text, "     {}: {}", seen.verdict, plain::line(reason));
    }
    for one in &seen.expectations {
        expectation(text, one);
    }
}

fn expectation(text: &mut String, one: &Expectation) {
    let sign = if one.holds { "holds" } else { "WRONG" };
    let [requirement, expected] = [&one.requirement, &one.expected].map(|words| plain::line(words));
    let observed = plain::short(&plain::observed(&one.observed), SHOWN);
    add!(text, "     {sign}  {requirement}: expected {expected}, observed {observed}");
}

fn proof(text: &mut String, check: Option<&Check>) {
    let Some(check) = check else {
        add!(text, "There is no check yet.");
        return;
    };
    add!(text, "Control, which must not trigger: {}", check.control);
    for sabotage in check.sabotage {
        add!(text, "Sabotage, which must turn it red: {}", sabotage.what);
    }
    add!(text, "`conform prove {}` shows that it does.", check.feature);
}

fn evidence(text: &mut String, record: Option<&Record>, outcome: Option<&Outcome>) {
    let (Some(record), Some(outcome)) = (record, outcome) else {
        add!(text, "No record tells anything of it; `conform run` makes one.");
        return;
    };
    let path = evidence_path(&record.dir, outcome.feature);
    if path.is_file() {
        add!(text, "Evidence: {}", plain::path(&path));
    }
}
