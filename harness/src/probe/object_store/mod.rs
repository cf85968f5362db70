//! The S3 probe: requests to the target's object stores, signed or not, and what came back, silence included.

mod archive;
mod buckets;
mod exchange;
mod lifecycle;
mod objects;
mod policy;
mod presign;
mod versions;

pub use lifecycle::Rule;
pub use objects::Filler;
pub use presign::{Altered, Presign, Presigned};

use super::Reply;
use crate::check::{Case, Live, Stop};
use crate::target::{Need, Part};
use exchange::{Content, Reading, Shape, Spec};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How often a store is asked again for what should be there in a moment.
const PAUSE: Duration = Duration::from_millis(10);

/// Which store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// The one that the services use.
    Main,
    /// The one in another region.
    Second,
}

/// Whose signature a request bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The store's owner.
    Owner,
    /// The user beside the owner.
    User,
    /// Nobody: the request is not signed.
    Nobody,
    /// Somebody who knows the owner's access key and not the secret.
    Impostor,
}

/// A request to a store; nothing is sent before `send` or `until`.
#[must_use = "a request does nothing until it is sent"]
pub struct StoreRequest<'a> {
    case: &'a mut Case,
    spec: Spec,
}

impl Case {
    /// A request to a store, signed by its owner unless said otherwise.
    pub fn store(&mut self, store: Store) -> StoreRequest<'_> {
        StoreRequest { case: self, spec: Spec::new(store) }
    }
}

impl StoreRequest<'_> {
    /// Has somebody else sign it, or nobody.
    pub fn by(mut self, signer: Signer) -> Self {
        self.spec.signer = signer;
        self
    }

    fn of(mut self, method: &'static str, bucket: &str, key: &str) -> Self {
        self.spec.method = method;
        self.spec.bucket = bucket.to_owned();
        self.spec.key = key.to_owned();
        self
    }

    fn query(mut self, name: &'static str, value: &str) -> Self {
        self.spec.query.push((name, value.to_owned()));
        self
    }

    fn content(mut self, content: Content) -> Self {
        self.spec.content = content;
        self
    }

    /// What the XML of the answer says, in a form that is easy to look at; it is seen under `/found`.
    fn shape(mut self, shape: Shape) -> Self {
        self.spec.reading = Reading::Xml(shape);
        self
    }

    fn needs(&self) -> Result<(), Stop> {
        match self.spec.store {
            Store::Main => self.case.needs(Need::ObjectStore)?,
            Store::Second => self.case.needs(Need::Part(Part::SecondObjectStore))?,
        }
        if self.spec.signer == Signer::User {
            self.case.needs(Need::StoreUser)?;
        }
        Ok(())
    }

    /// Sends it and waits for the answer.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub async fn send(self) -> Result<Reply, Stop> {
        self.needs()?;
        let (asked, spec) = (self.spec.asked(), self.spec);
        let look = async move |live: Arc<Live>| exchange::exchange(&live, &spec).await;
        Ok(Reply::new(self.case.observe("s3", asked, look).await?))
    }

    /// Sends it again and again until what comes back is `enough`, or patience ends: the last answer.
    ///
    /// # Errors
    /// As [`StoreRequest::send`].
    pub async fn until(self, enough: impl Fn(&Value) -> bool) -> Result<Reply, Stop> {
        self.needs()?;
        let (mut asked, spec) = (self.spec.asked(), self.spec);
        asked["again"] = true.into();
        let look = async move |live: Arc<Live>| {
            let deadline = tokio::time::Instant::now() + live.patience.moment();
            loop {
                let seen = exchange::exchange(&live, &spec).await?;
                if enough(&seen) || tokio::time::Instant::now() > deadline {
                    return Ok(seen);
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        Ok(Reply::new(self.case.observe("s3", asked, look).await?))
    }
}
