//! `POST /verify`: whether a token is good, and how long.

use axum::routing::post;
use axum::{Json, Router};
use serde::Serialize;

use super::bearer::Bearer;
use crate::auth::Auth;

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/verify", post(verify))
}

#[derive(Serialize)]
struct Verified {
    valid: bool,
    user_id: String,
    expires_at: String,
}

async fn verify(Bearer(claims): Bearer) -> Json<Verified> {
    let expires_at = claims.expires_at().format("%Y-%m-%dT%H:%M:%S").to_string();
    Json(Verified { valid: true, user_id: claims.sub, expires_at })
}
