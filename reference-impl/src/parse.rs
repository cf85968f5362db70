//! Bodies and queries become types at the edge; what does not fit is a 422 that says where, and never repeats the value.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// A JSON body.
pub struct JsonBody<T>(pub T);

/// A form body, as browsers and OAuth clients send it.
pub struct FormBody<T>(pub T);

/// The id in a path of the form `/{id}…`. One that cannot be an id is one that is not there.
pub struct IdInPath(pub String);

/// The query of a URL.
pub struct QueryOf<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = body(request, state).await?;
        json(&bytes).map(JsonBody)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for FormBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_form = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(ApiError::invalid(
                "form_required",
                &["body"],
                "send the fields as application/x-www-form-urlencoded",
            ));
        }
        let bytes = body(request, state).await?;
        form(&bytes).map(FormBody)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryOf<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri).map(|Query(value)| QueryOf(value)).map_err(|rejection: QueryRejection| {
            // Its text names the field and what was expected there.
            ApiError::invalid("query_invalid", &["query"], rejection.body_text())
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) if !id.contains('\0') => Ok(IdInPath(id)),
            _ => Err(ApiError::NotFound("Not Found".to_owned())),
        }
    }
}

async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection: BytesRejection| match rejection.status().as_u16() {
        413 => ApiError::TooLarge,
        _ => ApiError::BadRequest("the body broke off, send it again".to_owned()),
    })
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut source = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut source).map_err(|error| {
        let field = error.path().to_string();
        let message = error.inner().to_string();
        refused(&field, &message)
    })?;
    source.end().map_err(|_| ApiError::invalid("json_invalid", &["body"], "something follows the JSON value"))?;
    Ok(value)
}

fn form<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // A form is what a query is, in another place.
    let query = String::from_utf8_lossy(bytes);
    let uri = format!("/?{query}")
        .parse()
        .map_err(|_| ApiError::invalid("form_invalid", &["body"], "the form is malformed"))?;
    Query::try_from_uri(&uri)
        .map(|Query(value)| value)
        .map_err(|rejection| ApiError::invalid("form_invalid", &["body"], rejection.body_text()))
}

/// How the types of this program begin when they refuse a value; what follows may be told.
pub const EXPECTED: &str = "expected: ";

/// The parser's own words are passed on only where they cannot hold the value.
fn refused(field: &str, message: &str) -> ApiError {
    let loc: Vec<&str> = match field {
        "." | "?" => vec!["body"],
        named => vec!["body", named],
    };
    match message.split(" at line ").next() {
        Some(ours) if ours.starts_with(EXPECTED) => {
            ApiError::invalid("value_invalid", &loc, ours[EXPECTED.len()..].to_owned())
        }
        Some(missing) if missing.starts_with("missing field") => {
            let name = missing.split('`').nth(1).unwrap_or_default();
            ApiError::invalid("missing", &["body", name], "this field is required")
        }
        _ => ApiError::invalid(
            "value_invalid",
            &loc,
            "the JSON is malformed, or the value has the wrong type or is out of range",
        ),
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Login {
        #[allow(dead_code)]
        email: String,
        #[allow(dead_code)]
        password: String,
    }

    fn problem(text: &str) -> crate::error::Problem {
        match json::<Login>(text.as_bytes()).unwrap_err() {
            ApiError::Invalid(problem) => problem,
            other => panic!("{other} is not a 422"),
        }
    }

    #[test]
    fn missing_field_is_named() {
        assert_eq!(problem(r#"{"email":"a"}"#).loc, ["body", "password"]);
    }

    #[test]
    fn value_is_never_repeated() {
        let problem = problem(r#"{"email":"a","password":{"hunter2":1}}"#);
        assert_eq!(problem.loc, ["body", "password"]);
        assert!(!format!("{problem:?}").contains("hunter2"));
    }

    #[test]
    fn words_of_our_own_types_are_told() {
        let refusal = refused("title", "expected: a short title at line 1 column 9");
        assert!(matches!(refusal, ApiError::Invalid(problem) if problem.msg == "a short title"));
    }

    #[test]
    fn what_follows_the_value_is_refused() {
        let refusal = json::<Login>(br#"{"email":"a","password":"b"} x"#).unwrap_err();
        assert_eq!(refusal.into_response().status(), 422);
    }
}
