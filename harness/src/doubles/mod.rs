//! The outside world, played: what stands around a target and is no part of it.

mod echo;
mod error_tracker;
mod relay;
mod rewriting_proxy;
mod silent;
mod worthless;

pub use echo::{COOKIE, Echo};
pub use error_tracker::ErrorTracker;
pub use relay::RunningRelay;
pub use rewriting_proxy::{Change, RewritingProxy, Rule};
pub use silent::Silent;
pub use worthless::{Worthless, WorthlessServer};
