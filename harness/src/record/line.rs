//! The three kinds of lines in `outcomes.jsonl`; `reports/outcomes.schema.json` describes them for others.

use super::{CatalogueId, Deadlines, ServiceState};
use crate::outcome::{Outcome, Verdict, json_line};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the record's form; a reader refuses records of a later one.
pub const VERSION: u32 = 1;

/// First line: what ran, on what, and what it was asked to check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the record's form, [`VERSION`].
    pub version: u32,
    /// Name and version of the tool: `conform 0.1.0`.
    pub tool: String,
    /// When the run began, in RFC 3339.
    pub started: String,
    /// The catalogue it went by.
    pub catalogue: CatalogueId,
    /// How the target was brought up: `docker`, `native` or `external`.
    pub backend: String,
    /// What the target is called; `reference` is ours.
    pub target: String,
    /// What else is known of the surroundings, by name: versions, addresses.
    pub facts: BTreeMap<String, String>,
    /// Ids and chance of every check follow from it.
    pub seed: u64,
    /// How long a single wait might really last, in seconds.
    pub patience_s: f64,
    /// The features that were to be checked, ascending.
    pub selection: Vec<u16>,
}

/// Last line: the run came to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Footer {
    /// When the run ended, in RFC 3339.
    pub ended: String,
    /// Wall time of the whole run, in milliseconds.
    pub duration_ms: f64,
    /// How many features have which verdict.
    pub totals: BTreeMap<Verdict, usize>,
    /// The state of the target's services as the run began to look at it; none where nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Vec<ServiceState>>,
    /// How fast the target answered then, and how long a check had in consequence; none where nothing answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadlines: Option<Deadlines>,
}

/// A line of `outcomes.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum RecordLine {
    /// The first line.
    Header(Header),
    /// One for each feature, in the order in which their checks ended.
    Outcome(Outcome),
    /// The last line; a record without it is an unfinished run.
    Footer(Footer),
}

impl RecordLine {
    /// The line as JSON, ended by a newline.
    pub fn to_text(&self) -> String {
        json_line(self)
    }
}
