//! `GET /test/logging`: one line of each level, so that levels can be watched (features 37 and 38).

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tracing::{debug, error, info, warn};

use crate::auth::Auth;
use crate::telemetry::correlation_id;

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/test/logging", get(logging))
}

#[derive(Serialize)]
struct Logged {
    message: &'static str,
    levels: [&'static str; 4],
    correlation_id: Option<String>,
    current_log_level: String,
}

async fn logging(State(auth): State<Auth>) -> Json<Logged> {
    debug!(test_level = "DEBUG", "Test line at DEBUG");
    info!(test_level = "INFO", "Test line at INFO");
    warn!(test_level = "WARNING", "Test line at WARNING");
    error!(test_level = "ERROR", "Test line at ERROR");
    Json(Logged {
        message: "One line written at each level",
        levels: ["DEBUG", "INFO", "WARNING", "ERROR"],
        correlation_id: correlation_id::current(),
        current_log_level: auth.settings.log.level_text.clone(),
    })
}
