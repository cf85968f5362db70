//! Phases and areas on the page: bars, and a cell for each feature.

use super::feature::{FeatureView, feature_view, missing_view, number};
use crate::outcome::Verdict;
use crate::record::Record;
use crate::report::layout::Template;
use crate::report::{Group, ReportError, Summary, plain};
use serde::Serialize;

#[derive(Serialize)]
struct BarPart {
    verdict: Verdict,
    x: String,
    width: String,
}

/// A bar of 1000 units for all features of a group; what is not in the record stays empty.
fn bar(group: &Group) -> Vec<BarPart> {
    let unit = 1000.0 / group.numbers.len() as f64;
    let mut before = 0;
    let mut parts = Vec::new();
    for verdict in Verdict::ALL {
        let count = group.tally.count(verdict);
        if count > 0 {
            let [x, width] = [before, count].map(|count| format!("{:.1}", count as f64 * unit));
            parts.push(BarPart { verdict, x, width });
            before += count;
        }
    }
    parts
}

/// An area with its share of each verdict.
#[derive(Serialize)]
pub(super) struct AreaView {
    name: &'static str,
    first: u16,
    last: u16,
    words: String,
    bar: Vec<BarPart>,
}

/// The view of an area.
pub(super) fn area(group: &Group) -> AreaView {
    AreaView {
        name: group.name,
        first: *group.numbers.start(),
        last: *group.numbers.end(),
        words: found(group),
        bar: bar(group),
    }
}

fn found(group: &Group) -> String {
    if group.tally.all() == 0 { "not selected".to_owned() } else { group.tally.words() }
}

/// A phase with a cell for each of its features, and the features of the record.
#[derive(Serialize)]
pub(super) struct PhaseView {
    number: Option<u8>,
    name: &'static str,
    words: String,
    bar: Vec<BarPart>,
    cells: Vec<Cell>,
    pub(super) features: Vec<FeatureView>,
}

#[derive(Serialize)]
struct Cell {
    number: String,
    verdict: &'static str,
    mark: &'static str,
    title: String,
}

/// The view of a phase.
///
/// # Errors
/// When the evidence of one of its features is damaged.
pub(super) fn phase(
    record: &Record,
    summary: &Summary,
    group: &Group,
    details: &Template<'_>,
) -> Result<PhaseView, ReportError> {
    let numbers = group.numbers.clone();
    let features = numbers.filter_map(|feature| match record.outcome(feature) {
        Some(outcome) => Some(feature_view(record, outcome, details)),
        None if summary.missing.contains(&feature) => Some(Ok(missing_view(feature))),
        None => None,
    });
    Ok(PhaseView {
        number: group.phase,
        name: group.name,
        words: found(group),
        bar: bar(group),
        cells: group.numbers.clone().map(|feature| cell(record, summary, feature)).collect(),
        features: features.collect::<Result<_, _>>()?,
    })
}

fn cell(record: &Record, summary: &Summary, feature: u16) -> Cell {
    let (verdict, mark, description) = match record.outcome(feature) {
        Some(outcome) => (outcome.verdict.word(), mark(outcome.verdict), plain::line(&outcome.description)),
        None if summary.missing.contains(&feature) => ("missing", "?", "the run was broken off before it".to_owned()),
        None => ("none", "", "not selected".to_owned()),
    };
    Cell {
        number: number(feature),
        verdict,
        mark,
        title: if verdict == "none" {
            format!("{feature}: {description}")
        } else {
            format!("{feature}, {verdict}: {description}")
        },
    }
}

/// A sign for each verdict, for those who cannot tell the colours apart.
fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Partial => "◐",
        Verdict::Fail => "✕",
        Verdict::Error => "!",
        Verdict::Skip => "–",
        Verdict::Unchecked => "",
    }
}
