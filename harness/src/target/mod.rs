//! A running system under check: addresses and handles. It knows nothing about how it was started.

mod control;
mod need;
mod secret;
mod service;
mod setup;
#[allow(clippy::module_inception, reason = "the folder and the type are one idea")]
mod target;

pub use control::{Boxed, CannotControl, Control};
pub use need::Need;
pub use secret::Secret;
pub use service::Service;
pub use setup::Setup;
pub use target::{Endpoint, LogSource, ObjectStoreAccess, PostgresAccess, RedisAccess, Target};
