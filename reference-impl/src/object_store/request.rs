//! One signed request to the store. Bodies are streamed; a wrong clock, the store's or ours, is made up for.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, DATE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use hyper_util::client::legacy::Client as Pooled;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rusty_s3::{Bucket, Method, UrlStyle, signing};
use url::Url;

use super::answers::error_code;
use super::{ObjectStore, StoreError};
use crate::telemetry::calls;

/// What goes over the wire with a request.
pub(super) type Body = BoxBody<Bytes, BoxError>;
/// Why a body could not be sent or read.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The client that keeps connections.
pub(super) type Client = Pooled<HttpConnector, Body>;

/// How long a signature holds.
const VALID_SECONDS: u64 = 300;
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer may take that is not the answer to a long upload.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Answers that are not objects are never longer.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;
/// A difference between clocks that is worth making up for.
const SKEW_SECONDS: i64 = 5;

/// A request in words: what is done, to what.
pub(super) struct Ask<'a> {
    pub doing: &'a str,
    pub method: Method,
    pub bucket: &'a str,
    pub key: &'a str,
    pub query: Vec<(&'a str, &'a str)>,
    pub headers: HeaderMap,
}

/// What is sent along.
pub(super) enum Content {
    /// Short enough to be sent again where that must be.
    Short(Bytes),
    /// Of this size, sent once.
    Long(u64, Body),
}

pub(super) fn client() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    Pooled::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
}

impl<'a> Ask<'a> {
    pub(super) fn new(doing: &'a str, method: Method, bucket: &'a str, key: &'a str) -> Ask<'a> {
        Ask { doing, method, bucket, key, query: Vec::new(), headers: HeaderMap::new() }
    }

    pub(super) fn query(mut self, name: &'a str, value: &'a str) -> Ask<'a> {
        self.query.push((name, value));
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Ask<'a> {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    fn refused(&self, status: StatusCode, code: String) -> StoreError {
        StoreError::Refused { doing: self.doing.to_owned(), status: status.as_u16(), code }
    }

    pub(super) fn garbled(&self, reason: impl ToString) -> StoreError {
        StoreError::Garbled { doing: self.doing.to_owned(), reason: reason.to_string() }
    }
}

impl ObjectStore {
    /// The answer to a request whose body is short or none, as soon as it begins, if it is a good one.
    pub(super) async fn call(&self, ask: &Ask<'_>, body: Bytes) -> Result<Response<Incoming>, StoreError> {
        let first = self.attempt(ask, Content::Short(body.clone())).await;
        match first {
            Err(Fault { skewed: true, .. }) => self.attempt(ask, Content::Short(body)).await,
            other => other,
        }
        .map_err(|fault| fault.error)
    }

    /// The same for a body that can be sent but once.
    pub(super) async fn send(&self, ask: &Ask<'_>, size: u64, body: Body) -> Result<Response<Incoming>, StoreError> {
        self.attempt(ask, Content::Long(size, body)).await.map_err(|fault| fault.error)
    }

    /// The whole answer as text.
    pub(super) async fn text(&self, ask: &Ask<'_>, body: Bytes) -> Result<String, StoreError> {
        let answer = self.call(ask, body).await?;
        read(answer.into_body()).await.map_err(|error| ask.garbled(error))
    }

    async fn attempt(&self, ask: &Ask<'_>, content: Content) -> Result<Response<Incoming>, Fault> {
        if !is_name(ask.bucket) {
            return Err(Fault::of(ask.refused(StatusCode::BAD_REQUEST, "InvalidBucketName".to_owned())));
        }
        let request = self.build(ask, content).map_err(|reason| Fault::of(ask.garbled(reason)))?;
        let (request, limit) = request;
        let answered = match limit {
            Some(limit) => tokio::time::timeout(limit, self.0.client.request(request)).await,
            None => Ok(self.0.client.request(request).await),
        };
        let answer = match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(Fault::of(self.away(crate::error::whole_story(&error)))),
            Err(_) => return Err(Fault::of(self.away("no answer in time".to_owned()))),
        };
        calls::made(calls::OBJECT_STORE);
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let skewed = status == StatusCode::FORBIDDEN && self.learn_time(answer.headers());
        let text = read(answer.into_body()).await.unwrap_or_default();
        let code = error_code(&text).unwrap_or_else(|| match (status, ask.key) {
            // An answer to HEAD has no body to say it in.
            (StatusCode::NOT_FOUND, "") => "NoSuchBucket".to_owned(),
            (StatusCode::NOT_FOUND, _) => "NoSuchKey".to_owned(),
            _ => String::new(),
        });
        Err(Fault { error: ask.refused(status, code), skewed })
    }

    fn away(&self, reason: String) -> StoreError {
        StoreError::Away { endpoint: self.endpoint().to_owned(), reason }
    }

    fn build(&self, ask: &Ask<'_>, content: Content) -> Result<(hyper::Request<Body>, Option<Duration>), String> {
        let (size, body, limit) = match content {
            Content::Short(bytes) => {
                let size = bytes.len() as u64;
                (size, Full::new(bytes).map_err(|never| match never {}).boxed(), Some(ANSWER_TIMEOUT))
            }
            Content::Long(size, body) => (size, body, None),
        };
        let url = self.signed(ask)?;
        let mut request = hyper::Request::builder()
            .method(ask.method.to_str())
            .uri(url.as_str())
            .body(body)
            .map_err(|error| error.to_string())?;
        request.headers_mut().extend(ask.headers.clone());
        if matches!(ask.method, Method::Put | Method::Post) {
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(size));
        }
        Ok((request, limit))
    }

    fn signed(&self, ask: &Ask<'_>) -> Result<Url, String> {
        let place = &self.0.place;
        let endpoint = self.0.endpoint.clone();
        let url = match (ask.bucket, ask.key) {
            ("", _) => endpoint,
            (bucket, "") => endpoint.join(bucket).map_err(|error| error.to_string())?,
            (bucket, key) => Bucket::new(endpoint, UrlStyle::Path, bucket.to_owned(), place.region.clone())
                .map_err(|error| error.to_string())?
                .object_url(key),
        };
        let now = jiff::Timestamp::from_second(self.time()).map_err(|error| error.to_string())?;
        let mut query = ask.query.clone();
        query.sort_unstable();
        // Every header that speaks of the store's own matters must be signed.
        let mut headers: Vec<(&str, &str)> = ask
            .headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("x-amz-"))
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        headers.sort_unstable();
        let (user, password) = (place.user.as_str(), place.password.reveal());
        Ok(signing::sign(
            &now,
            ask.method,
            url,
            user,
            password,
            None,
            &place.region,
            VALID_SECONDS,
            query.into_iter(),
            headers.into_iter(),
        ))
    }

    /// Looks at the store's clock; true if it shows another time than was thought.
    fn learn_time(&self, headers: &HeaderMap) -> bool {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let Some(theirs) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) else {
            return false;
        };
        let ahead = theirs.timestamp() - Utc::now().timestamp();
        let before = self.0.ahead.swap(ahead, Ordering::Relaxed);
        (ahead - before).abs() >= SKEW_SECONDS
    }
}

/// Whether a bucket could be called this. What could not is never sent: it would become another path.
fn is_name(bucket: &str) -> bool {
    bucket.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.')
        && !bucket.starts_with('.')
}

/// Why an attempt failed, and whether the clock was to blame.
struct Fault {
    error: StoreError,
    skewed: bool,
}

impl Fault {
    fn of(error: StoreError) -> Fault {
        Fault { error, skewed: false }
    }
}

async fn read(body: Incoming) -> Result<String, BoxError> {
    let bytes = Limited::new(body, LONGEST_ANSWER).collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
