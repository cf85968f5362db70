//! HTTP/1.1 as it goes over the wire, in the clear or within TLS: one request, one answer, nothing of its own accord.
//!
//! No redirect is followed, no proxy asked, no cookie kept, no body unpacked: what comes is an observation.

mod breakage;
#[cfg(test)]
pub(crate) mod fixture;
mod trust;

pub use breakage::Breakage;
pub use trust::{BadCertificate, Trust};

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as Connections;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;
use std::convert::Infallible;
use std::time::Duration;

/// Idle connections to one address that are kept for later.
const MOST_IDLE: usize = 64;
/// How long they are kept.
const IDLE: Duration = Duration::from_secs(90);

type Outgoing = UnsyncBoxBody<Bytes, Infallible>;

/// Sends requests, over connections that it keeps open. A clone shares them.
#[derive(Clone, Debug)]
pub struct Client {
    connections: Connections<HttpsConnector<HttpConnector>, Outgoing>,
}

impl Client {
    /// One that takes the servers of `https` addresses for who they say they are if `trust` does.
    pub fn new(trust: &Trust) -> Client {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnector::from((tcp, trust.config()));
        let connections = Connections::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(MOST_IDLE)
            .pool_idle_timeout(IDLE)
            .build(connector);
        Client { connections }
    }

    /// A request, not sent yet. The method may be any token, the address anything that begins with `http`.
    pub fn request(&self, method: &str, url: &str) -> Request {
        let headers = HeaderMap::new();
        let mut request = Request {
            client: self.clone(),
            method: Method::GET,
            uri: Uri::default(),
            headers,
            body: empty(),
            sound: true,
        };
        match (Method::from_bytes(method.as_bytes()), uri(url)) {
            (Ok(method), Some(uri)) => (request.method, request.uri) = (method, uri),
            _ => request.sound = false,
        }
        request
    }

    /// A plain `GET`.
    pub fn get(&self, url: &str) -> Request {
        self.request("GET", url)
    }
}

/// The address as it stands in a request: percent-encoded where need be, without a fragment.
fn uri(url: &str) -> Option<Uri> {
    let mut url = url::Url::parse(url).ok()?;
    url.set_fragment(None);
    url.as_str().parse().ok().filter(|uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")))
}

fn empty() -> Outgoing {
    Full::default().boxed_unsync()
}

/// A request that can still be changed.
#[derive(Debug)]
#[must_use = "it is not sent yet"]
pub struct Request {
    client: Client,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Outgoing,
    sound: bool,
}

impl Request {
    /// One more line in the head.
    pub fn header(mut self, name: &str, value: &str) -> Request {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes())) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            _ => self.sound = false,
        }
        self
    }

    /// A body whose length is told beforehand.
    pub fn body(mut self, body: Vec<u8>) -> Request {
        self.body = Full::from(body).boxed_unsync();
        self
    }

    /// A body in these chunks, whose length nobody is told.
    pub fn chunks(mut self, chunks: Vec<Vec<u8>>) -> Request {
        let frames = chunks.into_iter().map(|chunk| Ok(Frame::data(Bytes::from(chunk))));
        self.body = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
        self
    }

    /// A body of JSON, which is said to be JSON unless something else was said.
    pub fn json(mut self, body: &Value) -> Request {
        self.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        self.body(body.to_string().into_bytes())
    }

    /// Sends it and waits for the head of the answer, however long that takes.
    ///
    /// # Errors
    /// [`Breakage`] tells why no head came.
    pub async fn send(mut self) -> Result<Answer, Breakage> {
        if !self.sound {
            return Err(Breakage::NotBuilt);
        }
        self.headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        // Methods that are expected to bring content say so where they bring none (RFC 9110, section 8.6).
        if self.body.is_end_stream() && [Method::POST, Method::PUT, Method::PATCH].contains(&self.method) {
            self.headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from_static("0"));
        }
        let mut request = hyper::Request::new(self.body);
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (self.method, self.uri, self.headers);
        let answered = self.client.connections.request(request).await;
        answered.map(Answer).map_err(|error| Breakage::before_the_head(&error))
    }

    /// As [`Request::send`], but no longer than this.
    ///
    /// # Errors
    /// As [`Request::send`], and [`Breakage::Late`].
    pub async fn send_within(self, time: Duration) -> Result<Answer, Breakage> {
        tokio::time::timeout(time, self.send()).await.unwrap_or(Err(Breakage::Late))
    }
}

/// An answer whose head has come.
#[derive(Debug)]
pub struct Answer(Response<Incoming>);

impl Answer {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The lines of the head.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// A header's only or first value, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name)?.to_str().ok()
    }

    /// The next part of the body, as it comes; nothing after its end.
    ///
    /// # Errors
    /// [`Breakage::Body`] where it ends before it should.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Breakage> {
        loop {
            match self.0.body_mut().frame().await {
                // What is no data are trailers, which nobody asks for.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Ok(Some(data)),
                    Err(_) => continue,
                },
                Some(Err(_)) => return Err(Breakage::Body),
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests;
