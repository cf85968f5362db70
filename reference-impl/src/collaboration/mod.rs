//! Real-time collaboration: so far alive and watched, no more.
//!
//! Health, metrics, log and shutdown come from [`crate::startup`], as for every service.

use axum::Router;

use crate::startup::{Context, StartupError};

/// This service has no routes of its own yet.
pub async fn router(_context: &Context) -> Result<Router, StartupError> {
    Ok(Router::new())
}
