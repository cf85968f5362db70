//! Lets browsers call from the allowed origins, and answers their preflights before anyone asks for a token (feature 33).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";
const PREFLIGHT_CACHE_SECONDS: &str = "600";
const ANY: &str = "*";

/// The origins that may call.
#[derive(Clone, Debug)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// Origins are compared as they stand; `*` allows any, but none of them with cookies.
    pub fn new(origins: impl IntoIterator<Item = String>) -> AllowedOrigins {
        AllowedOrigins(origins.into_iter().collect())
    }

    /// What `Access-Control-Allow-Origin` says to this origin. To name it although all are allowed would hand every
    /// page of the web the caller's cookies.
    fn granted_to(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.0.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
            return Some(origin.clone());
        }
        self.0.iter().any(|allowed| allowed == ANY).then(|| HeaderValue::from_static(ANY))
    }
}

/// Answers preflights and marks every answer that an allowed origin may read.
pub async fn cors(State(origins): State<Arc<AllowedOrigins>>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else {
        let mut response = next.run(request).await;
        vary_by_origin(response.headers_mut());
        return response;
    };
    let granted = origins.granted_to(&origin);
    let mut response =
        if is_preflight(&request) { preflight(granted.is_some(), request.headers()) } else { next.run(request).await };
    let headers = response.headers_mut();
    // The gateway alone decides who may read its answers, whatever a back end says.
    headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    if let Some(granted) = granted {
        if granted == ANY {
            headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, granted);
    }
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
        let frontend = HeaderValue::from_static("http://localhost:3000");
        assert_eq!(origins.granted_to(&frontend), Some(frontend));
        for other in ["http://localhost:3000/", "http://localhost:30001", "null", "*"] {
            assert_eq!(origins.granted_to(&HeaderValue::from_static(other)), None, "{other}");
        }
    }

    #[test]
    fn where_all_are_allowed_none_is_named() {
        let origins = AllowedOrigins::new(["*".to_owned()]);
        let anyone = HeaderValue::from_static("http://anyone.example");
        assert_eq!(origins.granted_to(&anyone), Some(HeaderValue::from_static("*")));
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
