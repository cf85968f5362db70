//! `POST /refresh`: a new pair of tokens for a refresh token.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::login::hand_out;
use crate::auth::session::Visitor;
use crate::auth::token::{Kind, TokenPair};
use crate::auth::{Auth, users};
use crate::error::ApiError;
use crate::parse::JsonBody;

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/refresh", post(refresh))
}

#[derive(Deserialize)]
struct Asked {
    refresh_token: String,
}

async fn refresh(
    State(auth): State<Auth>,
    visitor: Visitor,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Json<TokenPair>, ApiError> {
    let claims = auth
        .tokens
        .check(&asked.refresh_token, Kind::Refresh)
        .map_err(|fault| ApiError::BearerRequired(fault.to_string()))?;
    let user = users::find(&auth.db, &claims.sub)
        .await?
        .ok_or_else(|| ApiError::BearerRequired("Invalid token: no such user".to_owned()))?;
    if !user.is_active {
        return Err(ApiError::Forbidden("User account is inactive".to_owned()));
    }
    hand_out(&auth, &visitor, &user.id).await.map(Json)
}
