//! The id that ties together all log lines of a request, across services.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

/// The header that carries the id from service to service and back to the caller.
pub const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// The id of a request, among the request's extensions.
#[derive(Debug, Clone)]
pub struct CorrelationId(pub String);

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being handled here, if any.
pub fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Runs `work` under `id`, for work that outlives its request or runs on a task of its own.
pub async fn within<F: Future>(id: String, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// Takes the caller's id or makes one; hands it to all that follows, and back to the caller.
///
/// The header is put into the request if it was missing, so that it can be forwarded as it is.
pub async fn layer(mut request: Request, next: Next) -> Response {
    let header = request.headers().get(HEADER).filter(|value| !value.is_empty()).cloned().unwrap_or_else(fresh);
    let id = String::from_utf8_lossy(header.as_bytes()).into_owned();
    request.headers_mut().insert(HEADER, header.clone());
    request.extensions_mut().insert(CorrelationId(id.clone()));
    let mut response = within(id, next.run(request)).await;
    response.headers_mut().insert(HEADER, header);
    response
}

fn fresh() -> HeaderValue {
    HeaderValue::from_str(&Uuid::new_v4().to_string()).expect("a uuid is plain ASCII")
}
