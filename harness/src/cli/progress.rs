//! `conform progress`: what a run found beyond an earlier one.

use super::args::{ProgressArgs, ProgressFormat};
use super::place::{self, CommandError};
use super::voice::say;
use crate::exit_code::Exit;
use crate::record::{self, Record};
use crate::report::plain;
use crate::report::progress::{Format, Records, render};
use chrono::{DateTime, FixedOffset};
use std::cmp::Reverse;
use std::path::Path;

/// So many of the last runs are looked through for earlier ones.
const LOOKED_THROUGH: usize = 50;

/// Writes the progress report to a file or to standard output.
pub(super) fn progress(args: &ProgressArgs) -> Result<Exit, CommandError> {
    let record = place::record(args.record.as_deref())?.ok_or(CommandError::NoRecord)?;
    let named = args.since.as_deref().map(Record::read).transpose()?;
    let earlier = earlier(&record);
    let since = named.as_ref().or_else(|| earlier.iter().find(|one| compares(one, &record)));
    let format = match args.format {
        ProgressFormat::Html => Format::Html,
        ProgressFormat::Md => Format::Markdown,
    };
    let text = render(Records { record: &record, since, earlier: &earlier }, format).map_err(CommandError::Report)?;
    place::put(&text, args.output.as_deref())?;
    Ok(Exit::Fine)
}

/// What ran before this record, the latest first.
fn earlier(record: &Record) -> Vec<Record> {
    let Some(began) = began(record) else {
        return Vec::new();
    };
    let here = std::env::current_dir().unwrap_or_default();
    let mut earlier = Vec::new();
    for dir in record::runs(&here).iter().take(LOOKED_THROUGH).filter(|dir| !is_same(dir, &record.dir)) {
        match Record::read(dir) {
            Ok(one) => earlier.extend(began_of(one).filter(|(_, then)| *then < began)),
            // One that cannot be read must not keep the others from being told.
            Err(error) => say(&format!("left out: {}", plain::line(&error.to_string()))),
        }
    }
    earlier.sort_by_key(|(_, began)| Reverse(*began));
    earlier.into_iter().map(|(one, _)| one).collect()
}

fn began_of(record: Record) -> Option<(Record, DateTime<FixedOffset>)> {
    let began = began(&record)?;
    Some((record, began))
}

fn began(record: &Record) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(&record.header.started).ok()
}

fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().ok().is_some_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Whether an earlier run is the one to compare with: a whole one of the same target, which looked at everything that
/// this one looked at.
fn compares(earlier: &Record, record: &Record) -> bool {
    earlier.finished()
        && earlier.header.target == record.header.target
        && record.outcomes.iter().all(|outcome| earlier.outcome(outcome.feature).is_some())
}
