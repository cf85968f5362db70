//! The caller's access token, out of the `Authorization` header.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::auth::Auth;
use crate::auth::token::{Claims, Kind};
use crate::error::ApiError;
use crate::telemetry::request_context;

/// What the caller's token says. Without a good one the request is answered 401.
pub(super) struct Bearer(pub Claims);

impl FromRequestParts<Auth> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, auth: &Auth) -> Result<Self, ApiError> {
        let refuse = |detail: &str| ApiError::BearerRequired(detail.to_owned());
        let header = parts.headers.get(AUTHORIZATION).ok_or_else(|| refuse("Authorization header missing"))?;
        let parts: Vec<&str> = header.to_str().unwrap_or_default().split(' ').collect();
        match parts[..] {
            [scheme, token] if scheme.eq_ignore_ascii_case("bearer") => auth
                .tokens
                .check(token, Kind::Access)
                .inspect(|claims| request_context::of_user(&claims.sub))
                .map(Bearer)
                .map_err(|fault| ApiError::BearerRequired(fault.to_string())),
            _ => Err(refuse("Invalid authorization header format")),
        }
    }
}
