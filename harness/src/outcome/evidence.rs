//! Everything that one check saw: what a replay needs to decide the feature anew, with no target at all.

use super::{Observation, json_line};
use serde::{Deserialize, Serialize};

/// The circumstances of a check, first line of its evidence file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Circumstances {
    /// Number of the feature.
    pub feature: u16,
    /// Revision of the check that looked.
    pub revision: u32,
    /// Seed of the run; ids and chance of the check follow from it and the feature's number.
    pub seed: u64,
    /// What the target had, in words: `access to Redis`, `log of auth-service`, …
    pub had: Vec<String>,
    /// How long a single wait might really last, in seconds.
    pub patience_s: f64,
}

/// The evidence of one check: its circumstances and its observations in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Under which circumstances the check looked.
    pub circumstances: Circumstances,
    /// What it saw, by sequence number from 1.
    pub observations: Vec<Observation>,
}

/// A line of an evidence file, `evidence/fNNN.jsonl`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum EvidenceLine {
    /// The first line.
    Circumstances(Circumstances),
    /// Every further line.
    Observation(Observation),
}

impl Evidence {
    /// The evidence as JSON lines, each ended by a newline.
    pub fn to_lines(&self) -> String {
        let first = EvidenceLine::Circumstances(self.circumstances.clone());
        let rest = self.observations.iter().cloned().map(EvidenceLine::Observation);
        std::iter::once(first).chain(rest).map(|line| json_line(&line)).collect()
    }

    /// Reads JSON lines.
    ///
    /// # Errors
    /// Names the line (from 1) that is not what it should be.
    pub fn from_lines(text: &str) -> Result<Evidence, BadEvidence> {
        let mut lines = text.lines().enumerate().map(|(at, line)| {
            serde_json::from_str::<EvidenceLine>(line)
                .map_err(|error| BadEvidence { line: at + 1, expected: error.to_string() })
        });
        let expected_first = || BadEvidence { line: 1, expected: "the circumstances of the check".to_owned() };
        let circumstances = match lines.next().ok_or_else(expected_first)?? {
            EvidenceLine::Circumstances(circumstances) => circumstances,
            EvidenceLine::Observation(_) => return Err(expected_first()),
        };
        let mut observations = Vec::new();
        for line in lines {
            match line? {
                EvidenceLine::Observation(observation) => observations.push(observation),
                EvidenceLine::Circumstances(_) => {
                    return Err(BadEvidence { line: observations.len() + 2, expected: "an observation".to_owned() });
                }
            }
        }
        Ok(Evidence { circumstances, observations })
    }
}

/// Why a text is not evidence.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("line {line} of the evidence is wrong: {expected}")]
pub struct BadEvidence {
    /// Line number, from 1.
    pub line: usize,
    /// What was expected there.
    pub expected: String,
}
