//! How long checks took, as bars: the slowest ones, and what they make of the whole.

use super::feature::number;
use crate::outcome::{Outcome, Verdict};
use crate::record::Record;
use crate::report::plain;
use crate::report::summary::duration;
use serde::Serialize;

/// So many of the slowest are shown.
const SHOWN: usize = 15;

/// The slowest checks, ready to be laid out.
#[derive(Serialize)]
pub(super) struct Timings {
    words: String,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    feature: u16,
    number: String,
    description: String,
    verdict: Verdict,
    took: String,
    /// Of 1000 units.
    width: String,
}

/// The timings of a record.
pub(super) fn timings(record: &Record) -> Timings {
    let looked = |outcome: &&Outcome| outcome.verdict != Verdict::Unchecked && outcome.duration_ms > 0.0;
    let mut slowest: Vec<&Outcome> = record.outcomes.iter().filter(looked).collect();
    slowest.sort_by(|one, other| other.duration_ms.total_cmp(&one.duration_ms));
    let longest = slowest.first().map_or(1.0, |outcome| outcome.duration_ms);
    let all: f64 = slowest.iter().map(|outcome| outcome.duration_ms).sum();
    let middle = slowest.get(slowest.len() / 2).map_or(0.0, |outcome| outcome.duration_ms);
    let row = |outcome: &&Outcome| Row {
        feature: outcome.feature,
        number: number(outcome.feature),
        description: plain::line(&outcome.description),
        verdict: outcome.verdict,
        took: duration(outcome.duration_ms),
        width: format!("{:.1}", 1000.0 * outcome.duration_ms / longest),
    };
    Timings {
        words: format!(
            "{} checks took {} one after the other, half of them no longer than {}. The slowest:",
            slowest.len(),
            duration(all),
            duration(middle)
        ),
        rows: slowest.iter().take(SHOWN).map(row).collect(),
    }
}
