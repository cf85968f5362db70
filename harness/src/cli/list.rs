//! `conform list`: features in a line each, with what the last record says of them.

use super::args::ListArgs;
use super::place::{self, CommandError};
use super::voice::say;
use crate::catalogue::Feature;
use crate::exit_code::Exit;
use crate::record::Record;
use crate::report::plain;
use std::fmt::Write as _;

/// Prints the selected features.
pub(super) fn list(args: &ListArgs) -> Result<Exit, CommandError> {
    let catalogue = place::catalogue(args.which.catalogue.as_deref())?;
    let last = place::record(None)?;
    let selection = place::select(&args.which.selection, &catalogue, last.as_ref())?;
    let checked = place::checked();
    let features = selection.numbers().iter().filter_map(|number| catalogue.feature(*number));
    let mut text = String::new();
    for feature in features {
        let has_check = checked.contains(&feature.number);
        writeln!(text, "{}", line(feature, has_check, last.as_ref())).expect("a text can always grow");
        if args.steps {
            for (number, step) in (1..).zip(&feature.steps) {
                writeln!(text, "{number:>9}. {}", plain::line(step)).expect("a text can always grow");
            }
        }
    }
    place::print(&text)?;
    say(&format!("{} of {} features", selection.numbers().len(), catalogue.len()));
    Ok(Exit::Fine)
}

/// `  41  phase 1  infrastructure  pass       Slow database queries …`
fn line(feature: &Feature, has_check: bool, last: Option<&Record>) -> String {
    let outcome = last.and_then(|record| record.outcome(feature.number));
    let state = match (outcome, has_check) {
        (_, false) => "unchecked",
        (Some(outcome), true) => outcome.verdict.word(),
        (None, true) => "not run",
    };
    let (number, phase, area) = (feature.number, feature.phase, feature.area.name());
    let description = plain::line(&feature.description);
    format!("{number:>4}  phase {phase}  {area:<14}  {state:<9}  {description}")
}
