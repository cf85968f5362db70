//! Lets browsers call from the allowed origins, and answers their preflights before anyone asks for a token (feature 33).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";
const PREFLIGHT_CACHE_SECONDS: &str = "600";

/// The origins that may call.
#[derive(Clone, Debug)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// Origins are compared as they stand; `*` allows any.
    pub fn new(origins: impl IntoIterator<Item = String>) -> AllowedOrigins {
        AllowedOrigins(origins.into_iter().collect())
    }

    fn allow(&self, origin: &HeaderValue) -> bool {
        self.0.iter().any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes())
    }
}

/// Answers preflights and marks every answer that an allowed origin may read.
pub async fn cors(State(origins): State<Arc<AllowedOrigins>>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else {
        let mut response = next.run(request).await;
        vary_by_origin(response.headers_mut());
        return response;
    };
    let allowed = origins.allow(&origin);
    let mut response =
        if is_preflight(&request) { preflight(allowed, request.headers()) } else { next.run(request).await };
    let headers = response.headers_mut();
    // The gateway alone decides who may read its answers, whatever a back end says.
    headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    if allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    vary_by_origin(headers);
    response
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(allowed: bool, asked: &HeaderMap) -> Response {
    let method_known = asked
        .get(header::ACCESS_CONTROL_REQUEST_METHOD)
        .and_then(|method| method.to_str().ok())
        .is_some_and(|method| METHODS.split(", ").any(|known| known == method));
    let (status, text) = match (allowed, method_known) {
        (true, true) => (StatusCode::OK, "OK"),
        (false, _) => (StatusCode::BAD_REQUEST, "Disallowed CORS origin"),
        (true, false) => (StatusCode::BAD_REQUEST, "Disallowed CORS method"),
    };
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_CACHE_SECONDS));
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    response
}

// Caches must not hand one origin's answer to another.
fn vary_by_origin(headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(method: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static(method));
        headers.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("authorization, x-anything"));
        headers
    }

    #[test]
    fn origins_are_compared_literally() {
        let origins = AllowedOrigins::new(["http://localhost:3000".to_owned()]);
        assert!(origins.allow(&HeaderValue::from_static("http://localhost:3000")));
        for other in ["http://localhost:3000/", "http://localhost:30001", "null"] {
            assert!(!origins.allow(&HeaderValue::from_static(other)), "{other}");
        }
    }

    #[test]
    fn a_preflight_grants_what_it_was_asked_for() {
        let response = preflight(true, &asks("PUT"));
        assert_eq!(response.status(), StatusCode::OK);
        let granted = &response.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS];
        assert_eq!(granted, "authorization, x-anything");
    }

    #[test]
    fn a_foreign_origin_or_an_unknown_method_is_refused() {
        assert_eq!(preflight(false, &asks("PUT")).status(), StatusCode::BAD_REQUEST);
        assert_eq!(preflight(true, &asks("BREW")).status(), StatusCode::BAD_REQUEST);
    }
}
