//! Hands a request to its back end, and the back end's answer to the caller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::uri::{PathAndQuery, Scheme};
use axum::http::{HeaderValue, Method, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};
use http_body_util::Full;
use serde_json::json;

use super::headers;
use super::read_ahead::read_ahead;
use super::upstreams::Upstream;
use crate::error::ApiError;
use crate::error::whole_story;
use crate::http_client::Client;
use crate::middleware::body_limit;
use crate::middleware::deadline::CallUnderWay;
use crate::middleware::rate_limit::client_address;
use crate::middleware::request_metrics::milliseconds;
use crate::middleware::signed_in::SignedIn;
use crate::telemetry::calls;

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH];

/// One back end and the client to call it with.
#[derive(Clone)]
pub struct Forwarding {
    /// Where requests go.
    pub upstream: Arc<Upstream>,
    /// How they get there.
    pub client: Client,
}

/// Why a back end's answer cannot be given.
#[derive(Debug, thiserror::Error)]
enum ProxyError {
    /// It fails too often to be asked.
    #[error("{0} is not available: circuit breaker open, try again shortly")]
    BreakerOpen(&'static str),
    /// It does not take the connection.
    #[error("{0} is unavailable, try again shortly")]
    Unreachable(&'static str),
    /// It broke off, or does not speak HTTP.
    #[error("Proxy error: {0}")]
    Broken(String),
}

/// Answers what the back end answers.
pub async fn forward(State(forwarding): State<Forwarding>, request: Request) -> Response {
    if !METHODS.contains(request.method()) {
        return method_not_allowed();
    }
    match pass_on(&forwarding, request).await {
        Ok(response) => response,
        Err(refusal) => refusal,
    }
}

async fn pass_on(forwarding: &Forwarding, request: Request) -> Result<Response, Response> {
    let upstream = &forwarding.upstream;
    let under_way = request.extensions().get::<CallUnderWay>().cloned().unwrap_or_default();
    let outgoing = outgoing(upstream, request).await.map_err(IntoResponse::into_response)?;
    let target_url = format!("{}{}", upstream.place.base_url(), outgoing.uri().path());
    let Ok(admitted) = upstream.breaker.admit() else {
        log_refused(upstream);
        return Err(ProxyError::BreakerOpen(upstream.service.name()).into_response());
    };
    under_way.put(admitted);
    log_forwarding(upstream, &target_url, outgoing.method());
    calls::made(upstream.service.name());
    let started = Instant::now();
    let outcome = call(&forwarding.client, upstream, outgoing).await;
    if let Some(call) = under_way.take() {
        match &outcome {
            Ok(_) => call.succeeded(),
            Err(_) => call.failed(),
        }
    }
    match &outcome {
        Ok(response) => log_answer(upstream, response.status(), started.elapsed()),
        Err(error) => log_failure(upstream, &target_url, error),
    }
    outcome.map_err(IntoResponse::into_response)
}

async fn call(
    client: &Client,
    upstream: &Upstream,
    outgoing: hyper::Request<Full<Bytes>>,
) -> Result<Response, ProxyError> {
    let answer = client.call(outgoing).await.map_err(|error| {
        if error.is_connect() {
            ProxyError::Unreachable(upstream.service.name())
        } else {
            ProxyError::Broken(whole_story(&error))
        }
    })?;
    let (mut parts, body) = answer.into_parts();
    let body = read_ahead(&parts.headers, body).await.map_err(|error| ProxyError::Broken(whole_story(&error)))?;
    parts.headers = headers::to_caller(parts.headers);
    parts.version = Version::HTTP_11;
    Ok(Response::from_parts(parts, body))
}

/// The request as the back end gets it: without the prefix, and with the headers that are the gateway's to set.
async fn outgoing(upstream: &Upstream, request: Request) -> Result<hyper::Request<Full<Bytes>>, ApiError> {
    let address = client_address(&request);
    let (parts, body) = request.into_parts();
    let body = body_limit::read(body).await?;
    let caller = parts.extensions.get::<SignedIn>();
    let uri = target(upstream, &parts.uri)?;
    let mut outgoing = hyper::Request::new(Full::new(body));
    *outgoing.method_mut() = parts.method;
    *outgoing.uri_mut() = uri;
    *outgoing.headers_mut() = headers::to_upstream(parts.headers, caller, address);
    Ok(outgoing)
}

fn target(upstream: &Upstream, asked: &Uri) -> Result<Uri, ApiError> {
    let unfit = |error: axum::http::Error| ApiError::BadRequest(format!("the URL does not fit: {error}"));
    let path = asked.path().strip_prefix(upstream.prefix);
    let path = path.filter(|rest| !rest.is_empty()).unwrap_or("/");
    let path_and_query = match asked.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let path_and_query: PathAndQuery = path_and_query.parse().map_err(|error| unfit(axum::http::Error::from(error)))?;
    let authority = format!("{}:{}", upstream.place.host, upstream.place.port);
    Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query(path_and_query).build().map_err(unfit)
}

fn log_forwarding(upstream: &Upstream, target_url: &str, method: &Method) {
    tracing::info!(
        upstream = upstream.name,
        target_url,
        method = method.as_str(),
        circuit_state = upstream.breaker.snapshot().state.name(),
        "Forwarding request to service"
    );
}

fn log_answer(upstream: &Upstream, status: StatusCode, took: Duration) {
    tracing::info!(
        upstream = upstream.name,
        status_code = status.as_u16(),
        response_time_ms = milliseconds(took),
        "Service response received"
    );
}

fn log_refused(upstream: &Upstream) {
    let breaker = upstream.breaker.snapshot();
    tracing::error!(
        upstream = upstream.name,
        circuit_state = breaker.state.name(),
        failure_count = breaker.failures,
        "Circuit breaker open - failing fast"
    );
}

fn log_failure(upstream: &Upstream, target_url: &str, error: &ProxyError) {
    let breaker = upstream.breaker.snapshot();
    let circuit_state = breaker.state.name();
    match error {
        ProxyError::Broken(story) => tracing::error!(
            upstream = upstream.name,
            error = story,
            error_type = "UpstreamBrokeOff",
            error_message = story,
            circuit_state,
            "Proxy error"
        ),
        ProxyError::Unreachable(_) | ProxyError::BreakerOpen(_) => tracing::error!(
            upstream = upstream.name,
            target_url,
            error_type = "UpstreamUnreachable",
            error_message = %error,
            circuit_state,
            failure_count = breaker.failures,
            "Service connection failed"
        ),
    }
}

fn method_not_allowed() -> Response {
    let mut response = ApiError::MethodNotAllowed.into_response();
    let allowed = HeaderValue::from_static("GET, POST, PUT, DELETE, PATCH");
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

impl IntoResponse for ProxyError {
    fn into_response(self) -> Response {
        let status = match self {
            ProxyError::BreakerOpen(_) | ProxyError::Unreachable(_) => StatusCode::SERVICE_UNAVAILABLE,
            ProxyError::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({ "detail": self.to_string() }))).into_response()
    }
}
