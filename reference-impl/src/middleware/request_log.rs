//! Says of each request that it came and how it was answered.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use tracing::info;

use crate::middleware::signed_in::USER_ID_HEADER;
use crate::telemetry::request_context;

/// The lines of a back end.
pub async fn back_end(request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    info!(method, path, "Request received");
    // The gateway has looked at the token and says whose it is.
    let user = request.headers().get(USER_ID_HEADER).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let response = request_context::within(&method, &path, async {
        if let Some(user) = user {
            request_context::of_user(&user);
        }
        next.run(request).await
    });
    let response = response.await;
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
    let response = request_context::within(&method, &path, next.run(request)).await;
    let status_code = response.status().as_u16();
    info!(status_code, method, path, "Outgoing response");
    response
}
