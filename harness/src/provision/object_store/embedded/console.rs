//! The console: a page for people, on a port of its own. It greets everybody and shows the owner what the store holds.

use super::accounts::Accounts;
use super::store::Store;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use s3s::Body;
use std::convert::Infallible;

/// The answer to one request.
pub async fn answer(store: Store, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    Ok(match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/") => {
            page("<p>An object store. Its owner may <a href=\"/buckets\">sign in</a> to see what it holds.</p>")
        }
        (&Method::GET, "/buckets") if is_owner(&store.accounts, request.headers()) => page(&buckets(&store)),
        (&Method::GET, "/buckets") => {
            let mut refused = page("<p>Sign in with the access key and the secret key of the owner.</p>");
            *refused.status_mut() = StatusCode::UNAUTHORIZED;
            let challenge = HeaderValue::from_static("Basic realm=\"object store\", charset=\"UTF-8\"");
            refused.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            refused
        }
        _ => {
            let mut missing = page("<p>There is no such page.</p>");
            *missing.status_mut() = StatusCode::NOT_FOUND;
            missing
        }
    })
}

fn page(content: &str) -> Response<Body> {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Object store</title><h1>Object store</h1>{content}"
    );
    let mut response = Response::new(Body::from(html));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

fn is_owner(accounts: &Accounts, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let plain = given.and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    plain.as_deref().and_then(|text| text.split_once(':')).is_some_and(|(id, secret)| accounts.is_owner(id, secret))
}

fn buckets(store: &Store) -> String {
    let row = |name: &str| {
        let versions = store.shelf.versions(name).unwrap_or_default();
        let bytes: u64 = versions.values().flatten().map(super::records::Version::size).sum();
        // Names of buckets hold no character that means something in HTML.
        format!("<tr><td>{name}<td>{}<td>{bytes}", versions.len())
    };
    let rows: String = store.shelf.all_buckets().iter().map(|bucket| row(&bucket.name)).collect();
    format!("<table><tr><th>Bucket<th>Objects<th>Bytes{rows}</table>")
}
