//! Says of each request that it came and how it was answered.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use tracing::info;

/// The lines of a back end.
pub async fn back_end(request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    info!(method, path, "Request received");
    let response = next.run(request).await;
    let status_code = response.status().as_u16();
    info!(status_code, method, path, "Response sent");
    response
}

/// The lines of the gateway, which knows the caller's address.
pub async fn gateway(request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let client_ip = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_string());
    info!(method, path, client_ip, "Incoming request");
    let response = next.run(request).await;
    let status_code = response.status().as_u16();
    info!(status_code, method, path, "Outgoing response");
    response
}
