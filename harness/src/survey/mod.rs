//! A survey of somebody else's system before any check runs: what of it can be looked at, and what that would decide.

mod decidable;
mod key;
mod looks;

pub use decidable::{Decidable, decidable};
pub use key::key;
pub use looks::{Look, Looked, look};
