//! The client that calls other services, over connections that are used again.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as Pooled, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

const IDLE_CONNECTIONS_PER_UPSTREAM: usize = 64;
const IDLE_FOR_AT_MOST: Duration = Duration::from_secs(60);

/// Calls back ends; clones share their connections.
///
/// It sends paths as they are, without tidying them up: what was judged at the door is what arrives.
#[derive(Clone)]
pub struct Client(Pooled<HttpConnector, Full<Bytes>>);

impl Client {
    /// A client without connections yet.
    pub fn new() -> Client {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Pooled::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_FOR_AT_MOST)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_UPSTREAM)
            .build(connector);
        Client(client)
    }

    /// The answer of a back end, as soon as it begins.
    pub async fn call(&self, request: hyper::Request<Full<Bytes>>) -> Result<hyper::Response<Incoming>, Error> {
        self.0.request(request).await
    }

    /// The status of a GET, with the body read so that the connection can be used again.
    pub async fn status_of(&self, url: &str) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
        self.status(hyper::Request::get(url).body(Full::default())?).await
    }

    /// The status of an answer, with the body read likewise.
    pub async fn status(
        &self,
        request: hyper::Request<Full<Bytes>>,
    ) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
        let response = self.call(request).await?;
        let status = response.status().as_u16();
        axum::body::to_bytes(Body::new(response.into_body()), 1024 * 1024).await?;
        Ok(status)
    }
}

impl Default for Client {
    fn default() -> Client {
        Client::new()
    }
}
