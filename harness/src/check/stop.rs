//! Why a check goes no further.

use super::Vault;
use crate::target::{CannotControl, Need};

/// A reason is told in no more bytes, whoever gave it.
pub const LONGEST_REASON: usize = 4 << 10;
/// Libraries and programs may say more than anybody can bear: no more of it is searched for secrets.
const MOST_SAID: usize = 256 << 10;

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
        let mut reason = reason.to_string();
        reason.truncate(reason.floor_char_boundary(MOST_SAID));
        CannotLook { probe, reason }
    }

    /// The same as it may be told: without secrets, and no longer than anybody reads.
    pub(super) fn told(self, vault: &Vault) -> CannotLook {
        let length = self.reason.len();
        let mut reason = vault.beginning(&self.reason, LONGEST_REASON);
        if length > LONGEST_REASON {
            reason += "… (cut)";
        }
        CannotLook { reason, ..self }
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
