//! Brings a target up and takes it down.
//!
//! [`Servers`] are started once for a run and carry any number of [`Stack`]s. Where PostgreSQL and Redis come from
//! is behind [`servers::Infrastructure`]: containers (`docker`) or processes of this machine (`native`). A target
//! that somebody else started needs none of this (`external`).

mod alteration;
mod command;
mod compose;
mod control;
mod database;
mod deployment;
pub mod docker;
mod environment;
mod errand;
mod error;
pub mod external;
mod leftovers;
mod log_file;
mod native;
mod object_store;
mod options;
mod parts;
pub(crate) mod ports;
mod process;
mod process_identity;
mod random;
mod readiness;
mod reaper;
mod redis_client;
mod reference;
mod run;
pub mod servers;
mod services;
mod spawn;
mod stack;

pub use alteration::{Alteration, Rewrite};
pub use compose::System;
pub use errand::{Errand, end_errands, left_by_an_errand};
pub use error::ProvisionError;
pub use object_store::{Alone, serve_alone};
pub use options::{Announce, Backend, BackendChoice, Options};
pub use reaper::{SUBCOMMAND as REAP, reap};
pub use redis_client::redis_client;
pub use servers::Servers;
pub use stack::{Stack, StackSpec};
