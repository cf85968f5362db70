//! The progress report: what a run found beyond an earlier one, from their records alone.
//!
//! Whatever a record does not hold is left out. `compare` tells the two runs apart; every other file writes one
//! section, and `markdown` and `html` show them in the same order.

mod accomplished;
mod compare;
mod environment;
#[cfg(test)]
mod golden;
mod highlights;
mod history;
mod html;
mod markdown;
mod phases;
mod priorities;
mod share;
mod statistics;

use self::accomplished::Accomplished;
use self::compare::Comparison;
use self::environment::Surroundings;
use self::highlights::Highlights;
use self::history::Earlier;
use self::phases::PhaseProgress;
use self::priorities::Priority;
use self::statistics::Row;
use super::{ReportError, plain};
use crate::record::Record;
use serde::Serialize;

/// A format of the progress report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One self-contained page.
    Html,
    /// For people and pull requests.
    Markdown,
}

/// The records that a progress report is made from.
#[derive(Debug, Clone, Copy)]
pub struct Records<'a> {
    /// The run that is reported.
    pub record: &'a Record,
    /// The run that it is compared with.
    pub since: Option<&'a Record>,
    /// Whatever ran before the reported one, the latest first.
    pub earlier: &'a [Record],
}

/// The progress report in a format.
///
/// # Errors
/// When evidence that the report shows is damaged.
pub fn render(records: Records<'_>, format: Format) -> Result<String, ReportError> {
    let progress = Progress::of(records)?;
    match format {
        Format::Html => html::render(&progress),
        Format::Markdown => Ok(markdown::render(&progress)),
    }
}

/// All sections, in their order; every text in them is harmless to a terminal, and to be escaped for the format.
#[derive(Serialize)]
struct Progress {
    target: String,
    tool: String,
    lead: String,
    caveats: Vec<String>,
    /// Whether there is an earlier record, and so a before and a change.
    compared: bool,
    accomplished: Accomplished,
    statistics: Vec<Row>,
    highlights: Highlights,
    phases: Vec<PhaseProgress>,
    priorities: Vec<Priority>,
    environment: Surroundings,
    history: Vec<Earlier>,
}

/// What the words and signs of the statistics mean.
const TERMS: &str =
    "A scenario is one requirement held against what was observed. Changes of percentages are in points.";

/// What stands in place of a section that no record can fill.
const NO_FILES: &str = "A record holds what a run observed. Commits, and files created or changed, are not in it.";

impl Progress {
    fn of(records: Records<'_>) -> Result<Progress, ReportError> {
        let comparison = Comparison::of(records.record, records.since);
        let header = &records.record.header;
        Ok(Progress {
            target: plain::line(&header.target),
            tool: plain::line(&header.tool),
            lead: comparison.lead(),
            caveats: comparison.caveats(),
            compared: comparison.before.is_some(),
            accomplished: Accomplished::of(&comparison),
            statistics: statistics::rows(&comparison),
            highlights: Highlights::of(&comparison)?,
            phases: phases::phases(&comparison),
            priorities: priorities::priorities(&comparison),
            environment: Surroundings::of(records.record),
            history: history::history(records.earlier, records.since),
        })
    }
}
