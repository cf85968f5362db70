//! A request in the making.

use super::weigh::Filler;
use super::{Pending, Reply, Spec, exchange};
use crate::check::{Case, Live, Stop};
use crate::target::{Need, Service};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Between two requests that ask for the same until it is there.
const PAUSE: Duration = Duration::from_millis(10);

/// A request to one service; nothing is sent before `send`, `start`, `times` or `twins`.
#[must_use = "a request does nothing until it is sent"]
pub struct Request<'a> {
    pub(super) case: &'a mut Case,
    pub(super) spec: Spec,
}

impl Case {
    /// A request to a service at its own address; the gateway's is the way to all others.
    pub fn http(&mut self, service: Service) -> Request<'_> {
        Request { case: self, spec: Spec::get(service, "/") }
    }
}

impl Case {
    /// The health of a service, asked at its own address and at the path where the target has it.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the service's address is not known.
    pub async fn health(&mut self, service: Service) -> Result<Reply, Stop> {
        let path = match self.live_target() {
            Some(live) => live.target.services.get(&service).map(|endpoint| endpoint.health.clone()),
            None => None,
        };
        let mut request = self.http(service);
        request.spec.path = path.unwrap_or_else(|| service.health_path().to_owned());
        request.health_is_asked().await
    }
}

impl<'a> Request<'a> {
    /// As `send`; the path is the target's own and no part of the question.
    async fn health_is_asked(self) -> Result<Reply, Stop> {
        self.may_be_sent()?;
        let asked = serde_json::json!({"service": self.spec.service.name(), "health": true});
        let spec = self.spec;
        let look = async move |live: std::sync::Arc<_>| exchange(&live, &spec).await;
        Ok(Reply::new(self.case.observe("http", asked, look).await?))
    }

    /// The service can be reached, and nobody forbids the path.
    pub(super) fn may_be_sent(&self) -> Result<(), Stop> {
        self.case.needs(Need::Address(self.spec.service))?;
        self.case.may_ask(&self.spec.path)
    }

    /// Method and path, with the query if there is one.
    pub fn method(mut self, method: &str, path: &str) -> Self {
        self.spec.method = method.to_owned();
        self.spec.path = path.to_owned();
        self
    }

    /// `GET path`.
    pub fn get(self, path: &str) -> Self {
        self.method("GET", path)
    }

    /// `POST path`.
    pub fn post(self, path: &str) -> Self {
        self.method("POST", path)
    }

    /// A header; the value may name secrets.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.spec.headers.insert(name.to_owned(), Value::from(value));
        self
    }

    /// `Authorization: Bearer token`; `token` is the token's name.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// A JSON body; texts in it may name secrets.
    pub fn json(mut self, body: Value) -> Self {
        self.spec.body = Some(body);
        self
    }

    /// A body of so many bytes that mean nothing; `announced` tells their number beforehand, else they come in chunks.
    pub fn filler(mut self, bytes: usize, announced: bool) -> Self {
        self.spec.filler = Some(Filler { bytes, announced });
        self
    }

    /// Has the body of the answer weighed: see [`Reply::wire_bytes`].
    pub fn weighed(mut self) -> Self {
        self.spec.weighed = true;
        self
    }

    /// How long the answer is waited for.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.spec.deadline = Some(deadline);
        self
    }

    /// Sends the request and waits for the answer.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the service's address is not known.
    pub async fn send(self) -> Result<Reply, Stop> {
        self.may_be_sent()?;
        let spec = self.spec;
        let asked = spec.asked();
        let look = async move |live: std::sync::Arc<_>| exchange(&live, &spec).await;
        Ok(Reply::new(self.case.observe("http", asked, look).await?))
    }

    /// Sends the request again and again until what comes back is `wanted`, or patience ends: the last reply. `what`
    /// says in words what is waited for.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the service's address is not known.
    pub async fn send_until(self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Reply, Stop> {
        self.may_be_sent()?;
        let spec = self.spec;
        let mut asked = spec.asked();
        asked["until"] = Value::from(what);
        let look = async move |live: Arc<Live>| {
            let deadline = tokio::time::Instant::now() + live.patience.moment();
            loop {
                let seen = exchange(&live, &spec).await?;
                if wanted(&seen["body"]) || tokio::time::Instant::now() > deadline {
                    return Ok(seen);
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        Ok(Reply::new(self.case.observe("http", asked, look).await?))
    }

    /// Sends the request and does not wait; [`Case::answer`] brings the reply.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the service's address is not known.
    pub fn start(self) -> Result<Pending, Stop> {
        self.may_be_sent()?;
        let live = self.case.target_to_start(&self.spec.asked());
        Ok(Pending::start(live, self.spec))
    }
}
