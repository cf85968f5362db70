//! An answer as it is kept for replays.

use axum::body::Body;
use axum::http::response::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Headers that belong to one transfer of an answer and not to the answer.
const OF_THE_TRANSFER: [HeaderName; 3] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::DATE];

/// Status, headers and body of an answer, and the request it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// Its status.
    pub status_code: u16,
    headers: Vec<(String, String)>,
    /// The body where it is text, else empty.
    body: String,
    /// The body where it is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    /// What the request was, beyond its key.
    pub fingerprint: String,
    /// When it stops being replayed, by the clock of the service.
    pub expires_at_ms: i64,
}

impl StoredAnswer {
    /// The answer as it is; the store decides when it expires.
    pub fn new(parts: &Parts, body: &[u8], fingerprint: &str) -> StoredAnswer {
        let headers = parts
            .headers
            .iter()
            .filter(|(name, _)| !OF_THE_TRANSFER.contains(name))
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        let text = std::str::from_utf8(body).ok();
        StoredAnswer {
            status_code: parts.status.as_u16(),
            headers,
            body: text.unwrap_or_default().to_owned(),
            body_base64: text.is_none().then(|| STANDARD.encode(body)),
            fingerprint: fingerprint.to_owned(),
            expires_at_ms: 0,
        }
    }

    fn body(self) -> Body {
        match self.body_base64.and_then(|encoded| STANDARD.decode(encoded).ok()) {
            Some(bytes) => Body::from(bytes),
            None => Body::from(self.body),
        }
    }
}

impl IntoResponse for StoredAnswer {
    fn into_response(mut self) -> Response {
        let status = StatusCode::from_u16(self.status_code).unwrap_or(StatusCode::OK);
        let headers = std::mem::take(&mut self.headers);
        let mut response = Response::new(self.body());
        *response.status_mut() = status;
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn kept_and_replayed(body: &'static [u8]) -> Response {
        let answer = Response::builder()
            .status(201)
            .header("content-type", "text/csv")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("content-length", "999")
            .body(())
            .expect("is an answer");
        let (parts, ()) = answer.into_parts();
        let stored = StoredAnswer::new(&parts, body, "f");
        let text = serde_json::to_string(&stored).expect("is JSON");
        let read: StoredAnswer = serde_json::from_str(&text).expect("reads what it wrote");
        assert_eq!(read, stored);
        read.into_response()
    }

    #[tokio::test]
    async fn any_bytes_come_back_as_they_were() {
        for body in [&b"{\"a\": 1}"[..], b"", b"\xff\x00\xfe"] {
            let response = kept_and_replayed(body).await;
            let bytes = axum::body::to_bytes(response.into_body(), 100).await;
            assert_eq!(&bytes.expect("has a body")[..], body);
        }
    }

    #[tokio::test]
    async fn status_and_headers_come_back_without_those_of_the_transfer() {
        let response = kept_and_replayed(b"x").await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["content-type"], "text/csv");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert!(!response.headers().contains_key("content-length"));
    }
}
