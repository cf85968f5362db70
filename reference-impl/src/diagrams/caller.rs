//! Who calls: the gateway has looked at the token and says whose it is.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::error::ApiError;

/// The id of the user behind a request. Without one it is answered 401.
pub(super) struct Caller(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .headers
            .get("x-user-id")
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .map(|id| Caller(id.to_owned()))
            .ok_or_else(|| ApiError::Unauthorized("sign in first, the caller is not known".to_owned()))
    }
}
