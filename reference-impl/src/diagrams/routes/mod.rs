//! The routes of the diagram service, one file per resource.

mod diagrams;
mod versions;

use axum::Router;

use super::Diagrams;

pub(super) fn router() -> Router<Diagrams> {
    Router::new().merge(diagrams::router()).merge(versions::router())
}
