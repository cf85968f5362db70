//! Answers the requests: the page, its events, and the reports of the record as it stands.

use super::{Place, watch};
use crate::record::RecordError;
use crate::report::{Format, live, plain, render};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, Response, StatusCode};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch::Receiver;

/// What an answer carries.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// So often a word goes out to readers that hear nothing else, so that nobody between takes the connection for dead.
const STILL_HERE: Duration = Duration::from_secs(15);

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// What is served.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) place: Place,
    pub(super) told: Receiver<Arc<str>>,
    /// Whether only this machine can ask.
    pub(super) loopback: bool,
}

impl Served {
    /// The answer to a request, whatever it is.
    pub(super) async fn answer<B>(&self, request: &Request<B>) -> Response<Body> {
        let mut response = if !self.is_for_us(request) {
            said(StatusCode::FORBIDDEN, TEXT, "this server answers to the name of this machine alone\n".to_owned())
        } else if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut refused = said(StatusCode::METHOD_NOT_ALLOWED, TEXT, "a record is only read here\n".to_owned());
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            refused
        } else {
            self.at(request.uri().path()).await
        };
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if request.method() == Method::HEAD {
            *response.body_mut() = full(String::new());
        }
        response
    }

    /// A page elsewhere could have its own name lead to this machine and read along; it cannot forge the name.
    fn is_for_us<B>(&self, request: &Request<B>) -> bool {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let name = name.map_or(host, |(name, _)| name).trim_matches(['[', ']']);
        let address = name.parse::<std::net::IpAddr>();
        !self.loopback || name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
    }

    async fn at(&self, path: &str) -> Response<Body> {
        match path {
            "/" => match live::page() {
                Ok(page) => said(StatusCode::OK, HTML, page),
                Err(error) => failed(&error.to_string()),
            },
            "/events" => self.events(),
            "/report.html" => self.report(Format::Html, HTML).await,
            "/report.json" => self.report(Format::Json, "application/json").await,
            "/badge.svg" => self.report(Format::Badge, "image/svg+xml").await,
            _ => {
                said(StatusCode::NOT_FOUND, TEXT, "there is /, /report.html, /report.json and /badge.svg\n".to_owned())
            }
        }
    }

    async fn report(&self, format: Format, kind: &'static str) -> Response<Body> {
        let place = self.place.clone();
        let made = tokio::task::spawn_blocking(move || match watch::read(&place) {
            Ok(record) => match render(&record, format) {
                Ok(text) => said(StatusCode::OK, kind, text),
                Err(error) => failed(&error.to_string()),
            },
            Err(RecordError::Missing { .. }) => {
                said(StatusCode::NOT_FOUND, TEXT, "there is no record yet\n".to_owned())
            }
            Err(error) => failed(&error.to_string()),
        });
        made.await.unwrap_or_else(|error| failed(&error.to_string()))
    }

    /// The state of the record now and each time it has changed, as server-sent events.
    fn events(&self) -> Response<Body> {
        let mut told = self.told.clone();
        told.mark_changed();
        let stream = futures_util::stream::unfold(told, |mut told| async move {
            let text = match tokio::time::timeout(STILL_HERE, told.changed()).await {
                Ok(Ok(())) => format!("data: {}\n\n", &*told.borrow_and_update()),
                Ok(Err(_)) => return None,
                Err(_) => ": still here\n\n".to_owned(),
            };
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), told))
        });
        let mut response = Response::new(StreamBody::new(stream).boxed_unsync());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        response
    }
}

fn failed(why: &str) -> Response<Body> {
    said(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("{}\n", plain::text(why)))
}

fn said(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(full(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn full(text: String) -> Body {
    Full::new(Bytes::from(text)).boxed_unsync()
}
