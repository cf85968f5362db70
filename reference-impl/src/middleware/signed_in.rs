//! Lets only signed-in callers past, except on public paths, and tells the rest of the chain who calls (feature 8).

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::telemetry::request_context;

/// The header that tells a back end who calls. Only the gateway may set it.
pub const USER_ID_HEADER: &str = "x-user-id";

/// The user whose token a request carried; found in the extensions of protected requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn(pub String);

/// What the layer needs to judge a request.
pub struct Gatekeeper {
    key: DecodingKey,
    validation: Validation,
    leeway: Duration,
    clock: Clock,
    is_public: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no `Authorization`.
    #[error("Authorization header missing")]
    HeaderMissing,
    /// `Authorization` is not `Bearer TOKEN`.
    #[error("Invalid authorization header format, expected: Bearer <token>")]
    HeaderFormat,
    /// The token is genuine, but not an access token.
    #[error("Invalid token type, an access token is required")]
    TokenType,
    /// The token is not genuine, is incomplete, or is out of date.
    #[error("Invalid token: {0}")]
    Token(String),
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<Value>,
    exp: Option<f64>,
    nbf: Option<f64>,
    #[serde(rename = "type")]
    kind: Option<Value>,
}

impl Gatekeeper {
    /// Judges tokens by the shared secret; `is_public` names the paths that need none.
    pub fn new(
        secret: &str,
        leeway: Duration,
        clock: Clock,
        is_public: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Gatekeeper {
        let mut validation = Validation::new(Algorithm::HS256);
        // The crate would ask the system's clock; ours can be moved, so we judge times ourselves.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Gatekeeper {
            key: DecodingKey::from_secret(secret.as_bytes()),
            validation,
            leeway,
            clock,
            is_public: Box::new(is_public),
        }
    }

    fn caller(&self, headers: &HeaderMap) -> Result<SignedIn, Refusal> {
        let token = bearer_token(headers)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|error| Refusal::Token(error.to_string()))?
            .claims;
        self.check_times(&claims)?;
        if claims.kind.as_ref().and_then(Value::as_str) != Some("access") {
            return Err(Refusal::TokenType);
        }
        match claims.sub.as_ref().and_then(Value::as_str) {
            // The id travels on as a header, so it must be able to be one.
            Some(user) if !user.is_empty() && HeaderValue::from_str(user).is_ok() => Ok(SignedIn(user.to_owned())),
            _ => Err(Refusal::Token("it names no user in `sub`".to_owned())),
        }
    }

    fn check_times(&self, claims: &Claims) -> Result<(), Refusal> {
        let now = self.clock.now().timestamp_millis() as f64 / 1000.0;
        let leeway = self.leeway.as_secs_f64();
        match claims.exp {
            None => return Err(Refusal::Token("it has no `exp`".to_owned())),
            Some(exp) if exp + leeway <= now => {
                return Err(Refusal::Token("it has expired".to_owned()));
            }
            Some(_) => {}
        }
        match claims.nbf {
            Some(nbf) if nbf - leeway > now => Err(Refusal::Token("it is not valid yet".to_owned())),
            _ => Ok(()),
        }
    }
}

/// Refuses callers without a valid access token on protected paths, and strips `X-User-ID` from everyone.
pub async fn require_signed_in(
    State(gatekeeper): State<Arc<Gatekeeper>>,
    mut request: Request,
    next: Next,
) -> Response {
    request.headers_mut().remove(USER_ID_HEADER);
    let path = request.uri().path().to_owned();
    if (gatekeeper.is_public)(&path) {
        return next.run(request).await;
    }
    match gatekeeper.caller(request.headers()) {
        Ok(caller) => {
            tracing::info!(user_id = %caller.0, path, "Authentication successful");
            request_context::of_user(&caller.0);
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => {
            log_refusal(&refusal, &path);
            refusal.into_response()
        }
    }
}

fn log_refusal(refusal: &Refusal, path: &str) {
    match refusal {
        Refusal::HeaderMissing => {
            tracing::warn!(path, "Authentication failed: missing authorization header");
        }
        Refusal::HeaderFormat => {
            tracing::warn!(path, "Authentication failed: invalid authorization header");
        }
        Refusal::TokenType | Refusal::Token(_) => {
            tracing::warn!(path, error = %refusal, "Authentication failed: invalid token");
        }
    }
}

fn bearer_token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let value = headers.get(header::AUTHORIZATION).ok_or(Refusal::HeaderMissing)?;
    let text = value.to_str().map_err(|_| Refusal::HeaderFormat)?;
    let mut parts = text.split_ascii_whitespace();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(scheme), Some(token), None) if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        _ => Err(Refusal::HeaderFormat),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], Json(json!({ "detail": self.to_string() })))
            .into_response()
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};

    use super::*;

    const SECRET: &str = "a secret for this test only";

    fn refusal_of(authorization: &str) -> String {
        judge(authorization, &Clock::real()).expect_err("is refused").to_string()
    }

    fn judge(authorization: &str, clock: &Clock) -> Result<SignedIn, Refusal> {
        let gatekeeper = Gatekeeper::new(SECRET, Duration::ZERO, clock.clone(), |_| false);
        let mut headers = HeaderMap::new();
        if !authorization.is_empty() {
            let value = authorization.parse().expect("is a header value");
            headers.insert(header::AUTHORIZATION, value);
        }
        gatekeeper.caller(&headers)
    }

    fn signed(algorithm: Algorithm, secret: &str, claims: Value) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, &key);
        format!("Bearer {}", token.expect("can be signed"))
    }

    fn in_an_hour() -> i64 {
        Clock::real().now().timestamp() + 3600
    }

    #[test]
    fn a_valid_access_token_names_its_user() {
        let claims = json!({"sub": "u1", "exp": in_an_hour(), "type": "access"});
        let token = signed(Algorithm::HS256, SECRET, claims);
        let clock = Clock::real();
        assert_eq!(judge(&token, &clock), Ok(SignedIn("u1".to_owned())));
        let shouted = token.replace("Bearer", "bEARER");
        assert!(judge(&shouted, &clock).is_ok());
    }

    #[test]
    fn each_cause_has_its_own_words() {
        assert!(refusal_of("").contains("header missing"));
        for shape in ["Basic abc", "Bearer", "Bearer a b", "abc"] {
            assert!(refusal_of(shape).contains("header format"), "{shape}");
        }
        let refresh = json!({"sub": "u1", "exp": in_an_hour(), "type": "refresh"});
        let token = signed(Algorithm::HS256, SECRET, refresh);
        assert!(refusal_of(&token).contains("token type"));
        let untyped = json!({"sub": "u1", "exp": in_an_hour()});
        let token = signed(Algorithm::HS256, SECRET, untyped);
        assert!(refusal_of(&token).contains("token type"));
        assert!(refusal_of("Bearer garbage").starts_with("Invalid token: "));
    }

    #[test]
    fn other_algorithms_and_foreign_keys_are_refused() {
        let claims = json!({"sub": "u1", "exp": in_an_hour(), "type": "access"});
        let strong = signed(Algorithm::HS512, SECRET, claims.clone());
        assert!(refusal_of(&strong).starts_with("Invalid token: "));
        let foreign = signed(Algorithm::HS256, "another secret", claims);
        assert!(refusal_of(&foreign).starts_with("Invalid token: "));
        // {"alg":"none","typ":"JWT"} . {"sub":"u1","type":"access","exp":99999999999} . nothing
        let unsigned = "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1MSIsInR5cGUiOiJhY2Nlc3MiLCJleHAiOjk5OTk5OTk5OTk5fQ.";
        assert!(refusal_of(unsigned).starts_with("Invalid token: "));
    }

    #[test]
    fn a_token_without_expiry_or_user_is_refused() {
        let eternal = json!({"sub": "u1", "type": "access"});
        assert!(refusal_of(&signed(Algorithm::HS256, SECRET, eternal)).contains("exp"));
        for sub in [Value::Null, json!(""), json!(7)] {
            let nobody = json!({"sub": sub, "exp": in_an_hour(), "type": "access"});
            let token = signed(Algorithm::HS256, SECRET, nobody);
            assert!(refusal_of(&token).contains("sub"));
        }
    }

    #[test]
    fn expiry_is_judged_by_the_clock_of_the_service() {
        let clock = Clock::adjustable();
        let claims = json!({"sub": "u1", "exp": in_an_hour(), "type": "access"});
        let token = signed(Algorithm::HS256, SECRET, claims);
        assert!(judge(&token, &clock).is_ok());
        clock.advance(Duration::from_secs(3601));
        let refusal = judge(&token, &clock).expect_err("is out of date");
        assert!(refusal.to_string().contains("expired"));
    }
}
