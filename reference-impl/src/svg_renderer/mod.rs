//! Rendering of SVG: takes a drawing, and says for now that it cannot render it.

use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::parse::JsonBody;
use crate::startup::{Context, StartupError};

/// All routes of the service.
pub async fn router(_context: &Context) -> Result<Router, StartupError> {
    Ok(Router::new().route("/render", post(render)))
}

#[derive(Deserialize)]
struct Drawing {
    svg: String,
}

#[derive(Serialize)]
struct Answer {
    message: String,
    status: &'static str,
}

async fn render(JsonBody(drawing): JsonBody<Drawing>) -> Result<Json<Answer>, ApiError> {
    if !drawing.svg.contains("<svg") {
        let loc = ["body", "svg"];
        return Err(ApiError::invalid("no_svg", &loc, "a drawing with an <svg> element is expected"));
    }
    let bytes = drawing.svg.len();
    Ok(Json(Answer {
        message: format!("the drawing of {bytes} bytes was taken, rendering is not implemented yet"),
        status: "not_implemented",
    }))
}
