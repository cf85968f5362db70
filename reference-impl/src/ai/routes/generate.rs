//! `POST /generate`: a diagram out of a prompt.

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::error::ApiError;
use crate::parse::JsonBody;

pub(super) fn router() -> Router {
    Router::new().route("/generate", post(generate))
}

#[derive(Deserialize)]
struct Asked {
    prompt: String,
}

#[derive(Serialize)]
struct Refusal {
    detail: &'static str,
}

async fn generate(JsonBody(asked): JsonBody<Asked>) -> Result<(StatusCode, Json<Refusal>), ApiError> {
    info!(prompt_length = asked.prompt.chars().count(), "Generation refused, no provider is set up");
    let detail = "Failed to generate diagram: no AI provider is set up";
    Ok((StatusCode::NOT_IMPLEMENTED, Json(Refusal { detail })))
}
