//! `POST /register`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use tracing::info;

use crate::auth::Auth;
use crate::auth::email::Email;
use crate::auth::users::{self, User};
use crate::error::ApiError;
use crate::parse::JsonBody;

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/register", post(register))
}

#[derive(Deserialize)]
struct Registration {
    email: String,
    password: String,
    full_name: Option<String>,
}

async fn register(
    State(auth): State<Auth>,
    JsonBody(asked): JsonBody<Registration>,
) -> Result<(StatusCode, Json<User>), ApiError> {
    let outcome = add(&auth, asked).await;
    let result = if outcome.is_ok() { "success" } else { "failure" };
    auth.counts.registrations.increment(&[result]);
    let user = outcome?;
    info!(user_id = user.id, "User registered");
    Ok((StatusCode::CREATED, Json(user)))
}

async fn add(auth: &Auth, asked: Registration) -> Result<User, ApiError> {
    let email = Email::parse(&asked.email)?;
    let full_name = full_name(asked.full_name)?;
    if asked.password.is_empty() {
        let loc = ["body", "password"];
        return Err(ApiError::invalid("too_short", &loc, "a password cannot be empty"));
    }
    let hash = auth.passwords.hash(asked.password).await?;
    users::add(&auth.db, &email, &hash, full_name.as_deref())
        .await?
        .ok_or_else(|| ApiError::BadRequest("Email already registered".to_owned()))
}

/// Trimmed; nothing left means no name.
fn full_name(given: Option<String>) -> Result<Option<String>, ApiError> {
    let name = given.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    match name {
        Some(name) if name.chars().count() > 255 => {
            Err(ApiError::invalid("too_long", &["body", "full_name"], "at most 255 characters are expected"))
        }
        name => Ok(name),
    }
}
