//! Runs a request with an idempotency key once, and answers its repetitions with the first answer (feature 36).

mod store;
mod stored_answer;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::middleware::body_limit;
use crate::middleware::signed_in::SignedIn;

pub use store::Store;
use store::{Claim, Lock};
use stored_answer::StoredAnswer;

const KEY_HEADERS: [&str; 2] = ["idempotency-key", "x-idempotency-key"];
const HIT_HEADER: HeaderName = HeaderName::from_static("x-idempotency-hit");
const LONGEST_KEY: usize = 255;
const LARGEST_ANSWER: usize = 10 * 1024 * 1024;
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(25);

/// What a caller asks for: the name it goes by, and what tells it from another request under the same key.
struct Question {
    key: String,
    path: String,
    name: String,
    fingerprint: String,
}

/// Replays the stored answer to a repeated request; of twins that come together, one runs and the others wait for it.
///
/// Sits behind authentication, so that an answer is replayed to the user it was given to and to nobody else.
pub async fn idempotency(State(store): State<Arc<Store>>, request: Request, next: Next) -> Response {
    let Some(key) = key_of(&request) else {
        return next.run(request).await;
    };
    if key.len() > LONGEST_KEY {
        let detail = format!("an idempotency key has at most {LONGEST_KEY} characters");
        return refuse(StatusCode::BAD_REQUEST, &detail);
    }
    let (parts, body) = request.into_parts();
    let body = match body_limit::read(body).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_response(),
    };
    let request = Request::from_parts(parts, Body::from(body.clone()));
    let question = Question::new(key, &request, &body);
    match first_or_repeated(&store, &question).await {
        Ok(Turn::Repeated(answer)) => replay(&question, answer),
        Ok(Turn::First(lock)) => {
            tracing::info!(idempotency_key = question.key, path = question.path, "Idempotency key miss");
            answer_and_store(&store, &question, lock, next.run(request).await).await
        }
        Err(error) => {
            tracing::error!(error = %error, idempotency_key = question.key, "Idempotency check failed");
            next.run(request).await
        }
    }
}

enum Turn {
    First(Lock),
    Repeated(StoredAnswer),
}

async fn first_or_repeated(store: &Store, question: &Question) -> Result<Turn, redis::RedisError> {
    loop {
        match store.claim(&question.name).await? {
            Claim::Answered(answer) => return Ok(Turn::Repeated(answer)),
            Claim::Ours(lock) => return Ok(Turn::First(lock)),
            Claim::TwinUnderWay => {
                let what = format!("idempotency twin {}", question.path);
                store.clock().sleep(&what, ASK_AGAIN_AFTER).await;
            }
        }
    }
}

fn replay(question: &Question, answer: StoredAnswer) -> Response {
    if answer.fingerprint != question.fingerprint {
        let detail = "this idempotency key was used for a different request; choose a new one";
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, detail);
    }
    tracing::info!(
        idempotency_key = question.key,
        path = question.path,
        cached_status = answer.status_code,
        "Idempotency key hit"
    );
    marked(answer.into_response(), true)
}

/// Hands the answer on, and keeps it if it was a success. Whatever else came of it may be tried again.
async fn answer_and_store(store: &Store, question: &Question, lock: Lock, response: Response) -> Response {
    let too_large = response.body().size_hint().lower() > LARGEST_ANSWER as u64;
    if !response.status().is_success() || too_large {
        lock.release().await;
        return marked(response, false);
    }
    let (parts, body) = response.into_parts();
    let body = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(body) => body,
        Err(error) => {
            lock.release().await;
            let detail = format!("Proxy error: the answer broke off: {error}");
            return refuse(StatusCode::INTERNAL_SERVER_ERROR, &detail);
        }
    };
    keep(store, question, lock, &parts, &body).await;
    marked(Response::from_parts(parts, Body::from(body)), false)
}

async fn keep(store: &Store, question: &Question, lock: Lock, parts: &axum::http::response::Parts, body: &Bytes) {
    if body.len() > LARGEST_ANSWER {
        return lock.release().await;
    }
    let answer = StoredAnswer::new(parts, body, &question.fingerprint);
    match store.keep(lock, answer).await {
        Ok(()) => tracing::info!(
            idempotency_key = question.key,
            path = question.path,
            ttl = store.ttl().as_secs(),
            "Idempotency response stored"
        ),
        Err(error) => tracing::error!(
            error = %error,
            idempotency_key = question.key,
            "Idempotency response not stored"
        ),
    }
}

impl Question {
    fn new(key: String, request: &Request, body: &Bytes) -> Question {
        let user = request.extensions().get::<SignedIn>();
        let path = request.uri().path().to_owned();
        Question {
            name: name(user, request.method(), &path, &key),
            fingerprint: fingerprint(request.uri().query(), body),
            key,
            path,
        }
    }
}

fn key_of(request: &Request) -> Option<String> {
    if ![Method::POST, Method::PUT, Method::PATCH].contains(request.method()) {
        return None;
    }
    KEY_HEADERS.iter().find_map(|name| text_of(request.headers(), name))
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))?;
    (!text.is_empty()).then(|| text.into_owned())
}

fn name(user: Option<&SignedIn>, method: &Method, path: &str, key: &str) -> String {
    let user = user.map_or("anonymous", |SignedIn(id)| id);
    format!("idempotency:{user}:{method}:{path}:{key}")
}

fn fingerprint(query: Option<&str>, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(query.unwrap_or_default());
    // A query cannot hold a line feed, so the border between the two is certain.
    hash.update("\n");
    hash.update(body);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn marked(mut response: Response, hit: bool) -> Response {
    let value = HeaderValue::from_static(if hit { "true" } else { "false" });
    response.headers_mut().insert(HIT_HEADER, value);
    response
}

fn refuse(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({ "detail": detail }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().method(method).uri("/api/auth/test/create");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).expect("is a request")
    }

    #[test]
    fn only_writing_methods_have_a_key() {
        let header = [("Idempotency-Key", "k")];
        for method in [Method::POST, Method::PUT, Method::PATCH] {
            assert_eq!(key_of(&request(method, &header)).as_deref(), Some("k"));
        }
        for method in [Method::GET, Method::DELETE] {
            assert_eq!(key_of(&request(method, &header)), None);
        }
    }

    #[test]
    fn the_second_header_counts_when_the_first_is_missing_or_empty() {
        let second = ("X-Idempotency-Key", "two");
        let headers = [("Idempotency-Key", ""), second];
        assert_eq!(key_of(&request(Method::POST, &headers)).as_deref(), Some("two"));
        let headers = [("Idempotency-Key", "one"), second];
        assert_eq!(key_of(&request(Method::POST, &headers)).as_deref(), Some("one"));
        assert_eq!(key_of(&request(Method::POST, &[])), None);
    }

    #[test]
    fn user_method_and_path_are_part_of_the_name() {
        let user = SignedIn("u1".to_owned());
        let of = |user, method: &Method, path| name(user, method, path, "k");
        let first = of(Some(&user), &Method::POST, "/a");
        assert_eq!(first, "idempotency:u1:POST:/a:k");
        assert_ne!(first, of(None, &Method::POST, "/a"));
        assert_ne!(first, of(Some(&user), &Method::PUT, "/a"));
        assert_ne!(first, of(Some(&user), &Method::POST, "/b"));
    }

    #[test]
    fn body_and_query_tell_requests_apart() {
        assert_eq!(fingerprint(None, b"x"), fingerprint(None, b"x"));
        assert_ne!(fingerprint(None, b"x"), fingerprint(None, b"y"));
        assert_ne!(fingerprint(Some("a=1"), b"x"), fingerprint(Some("a=2"), b"x"));
        assert_ne!(fingerprint(Some("a"), b"b"), fingerprint(None, b"ab"));
    }
}
