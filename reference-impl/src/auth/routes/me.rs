//! `GET /me`: the user whose token it is.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};

use super::bearer::Bearer;
use crate::auth::Auth;
use crate::auth::users::{self, User};
use crate::error::ApiError;

pub(super) fn router() -> Router<Auth> {
    Router::new().route("/me", get(me))
}

async fn me(State(auth): State<Auth>, Bearer(claims): Bearer) -> Result<Json<User>, ApiError> {
    users::find(&auth.db, &claims.sub)
        .await?
        .map(Json)
        .ok_or_else(|| ApiError::BearerRequired("Invalid token: no such user".to_owned()))
}
