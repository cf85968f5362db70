//! `/` and `/{id}`: list, create, fetch, update, delete.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::diagrams::announce::{Event, announce};
use crate::diagrams::caller::Caller;
use crate::diagrams::diagram::{Change, Diagram, Draft};
use crate::diagrams::search::Search;
use crate::diagrams::{Diagrams, storage};
use crate::error::ApiError;
use crate::parse::{IdInPath, JsonBody, QueryOf};

pub(super) fn router() -> Router<Diagrams> {
    Router::new().route("/", get(list).post(create)).route("/{id}", get(fetch).put(update).delete(delete))
}

#[derive(Deserialize)]
struct Asked {
    /// Counts from one.
    page: Option<i64>,
    /// 20 unless the caller says otherwise, at most 100.
    page_size: Option<i64>,
    /// Everything unless the caller looks for something.
    search: Option<String>,
}

#[derive(Serialize)]
struct Page {
    diagrams: Vec<Diagram>,
    total: i64,
    page: i64,
    page_size: i64,
}

async fn list(
    State(diagrams): State<Diagrams>,
    Caller(user_id): Caller,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Json<Page>, ApiError> {
    let page = within(asked.page, 1, i64::MAX, "page")?;
    let page_size = within(asked.page_size, 20, 100, "page_size")?;
    let search = asked.search.as_deref().and_then(Search::new);
    let (found, total) = storage::list(&diagrams.db, &user_id, search.as_ref(), page, page_size).await?;
    info!(user_id, total, "Diagrams listed");
    Ok(Json(Page { diagrams: found, total, page, page_size }))
}

fn within(given: Option<i64>, default: i64, most: i64, field: &str) -> Result<i64, ApiError> {
    let value = given.unwrap_or(default);
    if (1..=most).contains(&value) {
        return Ok(value);
    }
    let msg = format!("a number from 1 to {most} is expected");
    Err(ApiError::invalid("out_of_range", &["query", field], msg))
}

async fn create(
    State(diagrams): State<Diagrams>,
    Caller(user_id): Caller,
    JsonBody(draft): JsonBody<Draft>,
) -> Result<Json<Diagram>, ApiError> {
    let draft = draft.checked()?;
    let diagram = storage::create(&diagrams.db, &user_id, &draft).await?;
    diagrams.counts.created.increment(&[]);
    info!(
        user_id,
        diagram_id = diagram.id,
        title = diagram.title,
        file_type = diagram.file_type,
        version = diagram.current_version,
        "Diagram created"
    );
    Ok(Json(diagram))
}

async fn fetch(
    State(diagrams): State<Diagrams>,
    Caller(user_id): Caller,
    IdInPath(diagram_id): IdInPath,
) -> Result<impl IntoResponse, ApiError> {
    let find = storage::find(&diagrams.db, &user_id, &diagram_id);
    let found = diagrams.cache.read(&user_id, &diagram_id, find).await;
    let diagram = noted(found, &user_id, &diagram_id)?;
    info!(user_id, diagram_id, "Diagram fetched");
    Ok(([(CONTENT_TYPE, "application/json")], diagram))
}

async fn update(
    State(diagrams): State<Diagrams>,
    Caller(user_id): Caller,
    IdInPath(diagram_id): IdInPath,
    JsonBody(change): JsonBody<Change>,
) -> Result<Json<Diagram>, ApiError> {
    let change = change.checked()?;
    let changing = diagrams.cache.changing(&diagram_id);
    let updated = storage::update(&diagrams.db, &user_id, &diagram_id, &change).await;
    changing.done().await;
    let diagram = noted(updated, &user_id, &diagram_id)?;
    diagrams.counts.updated.increment(&[]);
    let new_version = diagram.current_version;
    let event = Event::DiagramUpdated { diagram_id: &diagram_id, version: new_version, user_id: &user_id };
    announce(&diagrams.redis, &diagram_id, event).await;
    info!(user_id, diagram_id, new_version, "Diagram updated");
    Ok(Json(diagram))
}

async fn delete(
    State(diagrams): State<Diagrams>,
    Caller(user_id): Caller,
    IdInPath(diagram_id): IdInPath,
) -> Result<StatusCode, ApiError> {
    let changing = diagrams.cache.changing(&diagram_id);
    let deleted = storage::delete(&diagrams.db, &user_id, &diagram_id).await;
    changing.done().await;
    noted(deleted, &user_id, &diagram_id)?;
    diagrams.counts.deleted.increment(&[]);
    announce(&diagrams.redis, &diagram_id, Event::DiagramDeleted { diagram_id: &diagram_id, user_id: &user_id }).await;
    info!(user_id, diagram_id, "Diagram deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Leaves a line about a diagram that is not there, or not the caller's.
fn noted<T>(outcome: Result<T, ApiError>, user_id: &str, diagram_id: &str) -> Result<T, ApiError> {
    if let Err(ApiError::NotFound(_)) = &outcome {
        warn!(user_id, diagram_id, "Diagram not found");
    }
    outcome
}
