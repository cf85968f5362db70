//! The eyes and hands of a check. A probe asks, waits and records; it judges nothing.

mod addresses;
mod clock;
mod cluster;
mod containers;
mod database;
mod doubles;
mod http;
mod kept_database;
mod log;
mod manifests;
mod metrics;
mod object_store;
mod password;
mod process;
mod redis;
mod refused;
mod relay;
mod source;
mod sql;

pub use self::clock::Moment;
pub use self::http::{Pending, Reply, Request};
pub use self::log::Mark;
pub use self::metrics::{exposition, total};
pub use self::object_store::{Altered, Filler, Presign, Presigned, Rule, Signer, Store, StoreRequest};
pub use self::redis::Subscription;
pub use self::relay::CutAt;
pub use self::sql::Held;

pub(crate) use self::clock::unix_now;
pub(crate) use self::http::{Spec, exchange};
pub(crate) use self::kept_database::{bring_back, is_aside, left_by_another};
#[cfg(test)]
pub(crate) use self::manifests::documents;
