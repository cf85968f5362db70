//! The HTTP probe: requests to a service of the target, and what came back, silence included.

mod exchange;
mod json;
mod jwt;
mod load;
mod made;
mod pending;
mod reply;
mod request;
mod until;
mod weigh;

pub use pending::Pending;
pub use reply::Reply;
pub use request::Request;

pub(crate) use exchange::{LONGEST_TEXT, Spec, broken_off, exchange};
pub(crate) use json::read as read_json;
