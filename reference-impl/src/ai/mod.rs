//! Generation of diagrams: takes a prompt, and says for now that no provider is set up.

mod routes;

use axum::Router;

use crate::startup::{Context, StartupError};

/// All routes of the service.
pub async fn router(_context: &Context) -> Result<Router, StartupError> {
    Ok(routes::router())
}
