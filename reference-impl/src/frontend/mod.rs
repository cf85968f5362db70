//! The web pages: one so far, and a health route where the original's is.

use axum::Router;
use axum::response::Html;
use axum::routing::get;

use crate::every_service::health;
use crate::startup::{Context, StartupError};

/// All routes of the service.
pub async fn router(context: &Context) -> Result<Router, StartupError> {
    Ok(Router::new().route("/", get(start_page)).route("/api/health", get(health)).with_state(context.clone()))
}

async fn start_page() -> Html<&'static str> {
    Html(include_str!("start_page.html"))
}
