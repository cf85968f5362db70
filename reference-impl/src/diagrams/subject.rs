//! Notes which file a request is about, so that an error line can name it.

use axum::extract::{RawPathParams, Request};
use axum::middleware::Next;
use axum::response::Response;

use crate::telemetry::request_context;

/// The file is the one whose id stands in the path.
pub(super) async fn note(params: RawPathParams, request: Request, next: Next) -> Response {
    if let Some((_, id)) = params.iter().find(|(name, _)| *name == "id") {
        request_context::about_file(id);
    }
    next.run(request).await
}
