//! What a probe saw: a JSON tree with its question, its place in the check and its timing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One look at the target. Silence (a refusal, a timeout, an empty log) is an observation, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Place within the check, from 1.
    pub seq: u32,
    /// Step during which it was made; 0 before the first.
    pub step: u8,
    /// The probe that looked: `http`, `sql`, `redis`, `log`, …
    pub probe: String,
    /// What was asked, secrets replaced by their names.
    pub asked: Value,
    /// What was seen, secrets replaced by their names.
    pub seen: Value,
    /// How long the look took, in milliseconds. Never judged: what is judged stands in `seen`.
    pub took_ms: f64,
}
