//! The object store, over the S3 protocol: one client for whatever speaks it.

mod answers;
mod buckets;
mod error;
pub mod housekeeping;
mod objects;
mod request;
mod versions;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use url::Url;

use crate::config::StorePlace;

pub use error::StoreError;
pub use objects::{Bytes, Described, Fetched, Object, Upload};
pub use versions::Version;

/// A store; clones share connections.
#[derive(Clone)]
pub struct ObjectStore(Arc<Inner>);

struct Inner {
    endpoint: Url,
    place: StorePlace,
    client: request::Client,
    /// How far the store's clock is ahead of ours, in seconds.
    ahead: AtomicI64,
}

/// The address of a store is none.
#[derive(Debug, thiserror::Error)]
#[error("the object store's address {endpoint:?} is malformed: {source}; it looks like http://localhost:9000")]
pub struct MalformedEndpoint {
    endpoint: String,
    source: url::ParseError,
}

impl ObjectStore {
    /// A client; it connects when first asked, so that a service lives without its store.
    pub fn new(place: &StorePlace) -> Result<ObjectStore, MalformedEndpoint> {
        let endpoint = Url::parse(&place.endpoint)
            .map_err(|source| MalformedEndpoint { endpoint: place.endpoint.clone(), source })?;
        let client = request::client();
        Ok(ObjectStore(Arc::new(Inner { endpoint, place: place.clone(), client, ahead: AtomicI64::new(0) })))
    }

    /// Where it is.
    pub fn endpoint(&self) -> &str {
        &self.0.place.endpoint
    }

    /// Its region.
    pub fn region(&self) -> &str {
        &self.0.place.region
    }

    /// The time by the store's clock, as far as is known: a signature must bear it.
    fn time(&self) -> i64 {
        chrono::Utc::now().timestamp() + self.0.ahead.load(Ordering::Relaxed)
    }
}
