//! The routes of the AI service, one file per resource.

mod generate;

use axum::Router;

pub(super) fn router() -> Router {
    generate::router()
}
