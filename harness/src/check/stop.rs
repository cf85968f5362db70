//! Why a check goes no further.

use crate::target::{CannotControl, Need};

/// The harness could not look. Becomes `error`: never a verdict on the target.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the {probe} probe could not look: {reason}")]
pub struct CannotLook {
    /// The probe that failed.
    pub probe: &'static str,
    /// What went wrong, and what to do about it.
    pub reason: String,
}

impl CannotLook {
    /// A failure of `probe`, with its reason.
    pub fn new(probe: &'static str, reason: impl std::fmt::Display) -> CannotLook {
        CannotLook { probe, reason: reason.to_string() }
    }
}

impl From<CannotControl> for CannotLook {
    fn from(error: CannotControl) -> CannotLook {
        CannotLook::new("process", error)
    }
}

/// Why a check ended before its last step.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Stop {
    /// A requirement without which the rest has no meaning does not hold.
    #[error("a requirement that the rest builds on does not hold")]
    Failed,
    /// The target lacks something.
    #[error("needs {0}")]
    Needs(Need),
    /// The harness could not look.
    #[error(transparent)]
    CannotLook(#[from] CannotLook),
    /// In a replay: the check asked for something that the evidence does not hold.
    #[error("the evidence does not fit the check: {0}")]
    Diverged(String),
}
