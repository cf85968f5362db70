//! The outside world, played: what stands around a target and is no part of it.

mod chat;
mod echo;
mod error_tracker;
mod hostile;
mod mail;
mod relay;
mod rewriting_proxy;
mod silent;
mod worthless;

pub use chat::Chat;
pub use echo::{COOKIE, Echo};
pub use error_tracker::ErrorTracker;
pub use hostile::{Hostile, HostileServer, HostileStore, HostileStoreServer};
pub use mail::Mail;
pub use relay::RunningRelay;
pub use rewriting_proxy::{Change, Requests, RewritingProxy, Rule};
pub use silent::Silent;
pub use worthless::{Worthless, WorthlessServer};
