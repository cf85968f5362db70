//! A double of the Sentry error tracker: it takes envelopes as Sentry does, and keeps each event with the group that
//! Sentry would put it into.
//!
//! Protocol: <https://develop.sentry.dev/sdk/data-model/envelopes/>, grouping: <https://docs.sentry.io/concepts/data-management/event-grouping/>.

mod envelope;
mod group;
mod shape;

use crate::target::Inbox;
use flate2::read::{GzDecoder, ZlibDecoder};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_ENCODING;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io::{self, Read};
use std::net::Ipv4Addr;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// The key that events must come with.
const KEY: &str = "0123456789abcdef0123456789abcdef";
/// The project that they must be sent to.
const PROJECT: &str = "41";
/// Sentry takes no larger envelopes.
const LARGEST: usize = 20 << 20;

/// The double at work. Dropping it ends it and all its connections.
#[derive(Debug)]
pub struct ErrorTracker {
    task: JoinHandle<()>,
}

impl ErrorTracker {
    /// Listens on a loopback port; every event goes into the inbox.
    pub async fn start(port: u16, inbox: Inbox) -> io::Result<ErrorTracker> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(ErrorTracker { task: tokio::spawn(serve(listener, inbox)) })
    }

    /// The address that services are given, `SENTRY_DSN`.
    pub fn dsn(port: u16) -> String {
        format!("http://{KEY}@127.0.0.1:{port}/{PROJECT}")
    }
}

impl Drop for ErrorTracker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, inbox: Inbox) {
    // The set ends its tasks when it is dropped, together with this one.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let inbox = inbox.clone();
        connections.spawn(async move {
            let answer = service_fn(move |request| answer(request, inbox.clone()));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(request: Request<Incoming>, inbox: Inbox) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match take_in(request, &inbox).await {
        Ok(id) => (StatusCode::OK, json!({"id": id})),
        Err((status, fault)) => {
            // A fault of the sender is something to see.
            inbox.put(json!({"fault": fault}));
            (status, json!({"detail": fault}))
        }
    };
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    Ok(response)
}

type Refusal = (StatusCode, String);

/// Keeps what an envelope holds and gives its id.
async fn take_in(request: Request<Incoming>, inbox: &Inbox) -> Result<Value, Refusal> {
    let path = request.uri().path().to_owned();
    if request.method() != Method::POST || path.trim_end_matches('/') != format!("/api/{PROJECT}/envelope") {
        return Err((StatusCode::NOT_FOUND, format!("{} {path} is no way to send an event", request.method())));
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let (head, body) = request.into_parts();
    let sender = sender(&head.headers, &query);
    let body = Limited::new(body, LARGEST).collect().await;
    let body = body.map_err(|error| (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))?.to_bytes();
    let body = unpacked(&head.headers, &body)?;
    let (header, items) = envelope::read(&body).map_err(|fault| (StatusCode::BAD_REQUEST, fault))?;
    let key = sender["sentry_key"].as_str().or_else(|| key_of(header["dsn"].as_str()?));
    if key != Some(KEY) {
        return Err((StatusCode::FORBIDDEN, "the key is missing or is not the project's".to_owned()));
    }
    for (kind, mut payload) in items {
        if kind == "event" {
            shape::settle(&mut payload);
        }
        let mut kept = json!({"type": kind, "client": sender["sentry_client"], "payload": payload});
        if kind == "event" {
            kept["id"] = kept["payload"]["event_id"].clone();
            kept["group"] = json!(group::of(&kept["payload"]));
        }
        inbox.put(kept);
    }
    Ok(header["event_id"].clone())
}

/// What the sender says of itself: `sentry_key`, `sentry_client`, …, in the header or in the query.
fn sender(headers: &HeaderMap, query: &str) -> Value {
    let header = headers.get("x-sentry-auth").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let header = header.trim_start_matches("Sentry ").split(',');
    let pairs = header.chain(query.split('&')).filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into()
}

/// The key in a DSN: `http://KEY@host/project`.
fn key_of(dsn: &str) -> Option<&str> {
    let (user, _) = dsn.split_once("://")?.1.split_once('@')?;
    user.split(':').next()
}

fn unpacked(headers: &HeaderMap, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let how = headers.get(CONTENT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("identity");
    let mut text = Vec::new();
    let read = match how {
        "identity" => body.take(LARGEST as u64).read_to_end(&mut text),
        "gzip" => GzDecoder::new(body).take(LARGEST as u64).read_to_end(&mut text),
        "deflate" => ZlibDecoder::new(body).take(LARGEST as u64).read_to_end(&mut text),
        other => return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{other} cannot be unpacked"))),
    };
    read.map_err(|error| (StatusCode::BAD_REQUEST, format!("not {how}: {error}")))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::ports::Ports;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    const ENVELOPE: &str =
        "{\"event_id\":\"e1\"}\n{\"type\":\"event\"}\n{\"event_id\":\"e1\",\"message\":\"it broke\"}\n";

    async fn tracker() -> (String, Inbox, ErrorTracker) {
        let port = Ports::default().take().unwrap();
        let inbox = Inbox::default();
        let running = ErrorTracker::start(port, inbox.clone()).await.unwrap();
        (format!("http://127.0.0.1:{port}/api/{PROJECT}/envelope/"), inbox, running)
    }

    fn auth(key: &str) -> String {
        format!("Sentry sentry_version=7, sentry_key={key}, sentry_client=test/1")
    }

    #[tokio::test]
    async fn an_event_is_kept_under_its_id_packed_or_not() {
        let (url, inbox, _running) = tracker().await;
        let client = reqwest::Client::new();
        let plain = client.post(&url).header("x-sentry-auth", auth(KEY)).body(ENVELOPE).send().await.unwrap();
        assert_eq!(plain.json::<Value>().await.unwrap(), json!({"id": "e1"}));
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(ENVELOPE.as_bytes()).unwrap();
        let packed = client
            .post(format!("{url}?sentry_key={KEY}"))
            .header("content-encoding", "gzip")
            .body(packed.finish().unwrap());
        assert_eq!(packed.send().await.unwrap().status(), 200);
        let kept = inbox.all();
        assert_eq!(kept.len(), 2);
        for one in kept {
            assert_eq!(
                (&one["type"], &one["id"], &one["payload"]["message"]),
                (&json!("event"), &json!("e1"), &json!("it broke"))
            );
        }
    }

    #[tokio::test]
    async fn whoever_has_not_the_key_is_refused_and_seen() {
        let (url, inbox, _running) = tracker().await;
        let client = reqwest::Client::new();
        let refused = client.post(&url).header("x-sentry-auth", auth("another")).body(ENVELOPE).send().await.unwrap();
        assert_eq!(refused.status(), 403);
        let lost = client.post(url.replace("envelope", "store")).body(ENVELOPE).send().await.unwrap();
        assert_eq!(lost.status(), 404);
        assert!(inbox.all().iter().all(|one| one["fault"].is_string()));
    }

    #[test]
    fn the_key_may_stand_in_the_envelope() {
        assert_eq!(key_of(&ErrorTracker::dsn(9000)), Some(KEY));
        assert_eq!(key_of("http://key:secret@host/1"), Some("key"));
    }
}
