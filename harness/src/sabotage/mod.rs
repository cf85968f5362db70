//! Ways to break a target on purpose, so that a check must go red: its live counterproof.
//!
//! A sabotage breaks a stack as life does, by configuration or by its surroundings, never by code that exists
//! only for this in the target.

mod drop_header;
mod drop_schema;
mod mute_log;
mod rewrite_reply;
mod run_redis;
mod set_variable;

use crate::provision::Alteration;

pub use drop_header::drop_header;
pub use drop_schema::run_sql;
pub use mute_log::mute_log;
pub use rewrite_reply::{rewrite_status, rewrite_text};
pub use run_redis::run_redis;
pub use set_variable::set_variable;

/// One way to break a target, and what must turn red by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sabotage {
    /// What is broken, in words: `the gateway admits 101 requests`.
    pub what: &'static str,
    /// How.
    pub how: Alteration,
    /// Features besides the check's own that must turn red as well; empty where the sabotage hits exactly one.
    pub also_red: &'static [u16],
}

impl Sabotage {
    /// Names features that must turn red as well.
    pub const fn and_red(self, also_red: &'static [u16]) -> Sabotage {
        Sabotage { also_red, ..self }
    }
}
