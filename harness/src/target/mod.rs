//! A running system under check: addresses and handles. It knows nothing about how it was started.

mod account;
mod cluster;
mod containers;
mod control;
mod house_rules;
mod inbox;
mod need;
mod part;
mod relay;
mod secret;
mod service;
mod setup;
#[allow(clippy::module_inception, reason = "the folder and the type are one idea")]
mod target;

pub use account::{Account, Accounts, Lent};
pub use cluster::Cluster;
pub use containers::{Container, Containers, Said};
pub use control::{Boxed, CannotControl, Control, Power, Server, Signal};
pub use house_rules::{Forbidden, HouseRules, Pace};
pub use inbox::Inbox;
pub use need::Need;
pub use part::Part;
pub use relay::Relay;
pub use secret::Secret;
pub use service::Service;
pub use setup::{Composed, Own, Setup};
pub use target::{Endpoint, LogSource, ObjectStoreAccess, PostgresAccess, RedisAccess, StoreUser, Target};
