//! `GET /{id}/versions`.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use tracing::info;

use crate::diagrams::caller::Caller;
use crate::diagrams::diagram::Version;
use crate::diagrams::{Diagrams, storage};
use crate::error::ApiError;
use crate::parse::IdInPath;

pub(super) fn router() -> Router<Diagrams> {
    Router::new().route("/{id}/versions", get(versions))
}

async fn versions(
    State(diagrams): State<Diagrams>,
    Caller(user_id): Caller,
    IdInPath(diagram_id): IdInPath,
) -> Result<Json<Vec<Version>>, ApiError> {
    let versions = storage::versions(&diagrams.db, &user_id, &diagram_id).await?;
    let version_count = versions.len();
    info!(user_id, diagram_id, version_count, "Versions listed");
    Ok(Json(versions))
}
