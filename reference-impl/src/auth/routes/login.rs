//! `POST /login` with JSON, `POST /token` with a form: the same sign-in.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use tracing::{info, warn};

use crate::auth::session::Visitor;
use crate::auth::token::TokenPair;
use crate::auth::{Auth, users};
use crate::error::ApiError;
use crate::parse::{FormBody, JsonBody};
use crate::telemetry::request_context;

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/login", post(login)).route("/token", post(token))
}

#[derive(Deserialize)]
struct Login {
    email: String,
    password: String,
}

#[derive(Deserialize)]
struct Form {
    username: String,
    password: String,
}

async fn login(
    State(auth): State<Auth>,
    visitor: Visitor,
    JsonBody(asked): JsonBody<Login>,
) -> Result<Json<TokenPair>, ApiError> {
    sign_in(&auth, &visitor, asked.email.trim(), asked.password).await
}

async fn token(
    State(auth): State<Auth>,
    visitor: Visitor,
    FormBody(asked): FormBody<Form>,
) -> Result<Json<TokenPair>, ApiError> {
    sign_in(&auth, &visitor, asked.username.trim(), asked.password).await
}

async fn sign_in(auth: &Auth, visitor: &Visitor, email: &str, password: String) -> Result<Json<TokenPair>, ApiError> {
    let outcome = identify(auth, email, password).await;
    let result = match &outcome {
        Ok(_) => "success",
        Err(ApiError::BearerRequired(_) | ApiError::Forbidden(_)) => "failure",
        Err(_) => "error",
    };
    auth.counts.logins.increment(&[result]);
    if result == "failure" {
        warn!("Login refused");
    }
    let user_id = outcome?;
    request_context::of_user(&user_id);
    users::signed_in(&auth.db, &user_id, auth.clock.now()).await?;
    let pair = hand_out(auth, visitor, &user_id).await?;
    info!(user_id, "User signed in");
    Ok(Json(pair))
}

/// The id of the user with this address and password. Which of the two was wrong is not told.
async fn identify(auth: &Auth, email: &str, password: String) -> Result<String, ApiError> {
    let known = match email.contains('\0') {
        true => None,
        false => users::credentials(&auth.db, email).await?,
    };
    let hash = known.as_ref().map(|user| user.password_hash.clone());
    let matches = auth.passwords.matches(password, hash).await?;
    match known {
        Some(user) if matches && user.is_active => Ok(user.id),
        Some(_) if matches => Err(ApiError::Forbidden("User account is inactive".to_owned())),
        _ => Err(ApiError::BearerRequired("Incorrect email or password".to_owned())),
    }
}

/// A pair of tokens and the session that goes with it.
pub(super) async fn hand_out(auth: &Auth, visitor: &Visitor, user_id: &str) -> Result<TokenPair, ApiError> {
    let (pair, name) = auth.tokens.issue(user_id)?;
    auth.counts.tokens.increment(&["access"]);
    auth.counts.tokens.increment(&["refresh"]);
    auth.sessions.open(&name, user_id, visitor).await;
    Ok(pair)
}
