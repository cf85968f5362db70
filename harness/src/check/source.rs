//! Where a case's observations come from: a live target, the evidence of an earlier run, or both.

use super::{Live, Partly};
use crate::outcome::Observation;
use serde_json::Value;
use std::sync::Arc;

/// What was seen before, ready to be handed out many times.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The probe that looked.
    pub probe: String,
    /// What was asked.
    pub asked: Value,
    /// What was seen.
    pub seen: Arc<Value>,
}

impl From<&Observation> for Shown {
    fn from(observation: &Observation) -> Shown {
        Shown {
            probe: observation.probe.clone(),
            asked: observation.asked.clone(),
            seen: Arc::new(observation.seen.clone()),
        }
    }
}

/// One altered value in the evidence that a check is replayed on.
#[derive(Debug, Clone, PartialEq)]
pub struct Tampering {
    /// Sequence number of the observation.
    pub seq: u32,
    /// The observation as it would have been seen.
    pub seen: Arc<Value>,
}

/// Where observations come from.
pub enum Source {
    /// Probes look at a running target.
    Live(Arc<Live>),
    /// Probes hand out what was seen before, in order.
    Replay {
        /// The observations of the earlier run.
        observations: Arc<[Shown]>,
        /// The one that was altered, if any. A tampered replay may ask otherwise than the original did,
        /// for what it asks may follow from what it saw.
        tampering: Option<Tampering>,
    },
    /// Probes look at a running target where they are told to, and hand out what was seen before elsewhere.
    Partly(Box<Partly>),
}
