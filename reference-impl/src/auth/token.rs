//! Access and refresh tokens.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::SignIn;
use crate::error::ApiError;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Using the services.
    Access,
    /// Getting new tokens.
    Refresh,
}

/// What a token says. One that lacks any of this is not taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: String,
    /// When it ends, in seconds.
    pub exp: i64,
    /// When it was made, in seconds.
    #[serde(default)]
    pub iat: i64,
    /// Its own name.
    #[serde(default)]
    pub jti: String,
    /// What it is good for.
    #[serde(rename = "type")]
    pub kind: Kind,
}

impl Claims {
    /// When it ends.
    pub fn expires_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.exp, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of ours.
    #[error("Invalid token: malformed, or signed by someone else")]
    Malformed,
    /// It was one.
    #[error("Invalid token: expired")]
    Expired,
    /// Good for something else.
    #[error("Invalid token type")]
    WrongKind,
}

/// A new pair of tokens.
#[derive(Debug, Serialize)]
pub struct TokenPair {
    /// For the services.
    pub access_token: String,
    /// For a new pair.
    pub refresh_token: String,
    /// Always `bearer`.
    pub token_type: &'static str,
}

/// Makes and checks tokens; whether one has expired is for the clock to say.
#[derive(Clone)]
pub struct Tokens {
    signing: EncodingKey,
    checking: DecodingKey,
    access_life: TimeDelta,
    refresh_life: TimeDelta,
    leeway: TimeDelta,
    clock: Clock,
}

impl Tokens {
    /// Tokens under the secret and the lives of `sign_in`.
    pub fn new(sign_in: &SignIn, clock: Clock) -> Tokens {
        let secret = sign_in.secret.reveal().as_bytes();
        let delta = |life| TimeDelta::from_std(life).unwrap_or(TimeDelta::MAX);
        Tokens {
            signing: EncodingKey::from_secret(secret),
            checking: DecodingKey::from_secret(secret),
            access_life: delta(sign_in.access_life),
            refresh_life: delta(sign_in.refresh_life),
            leeway: delta(sign_in.leeway),
            clock,
        }
    }

    /// A pair for the user, and the name of the access token.
    pub fn issue(&self, user_id: &str) -> Result<(TokenPair, String), ApiError> {
        let (access_token, name) = self.sign(user_id, Kind::Access, self.access_life)?;
        let (refresh_token, _) = self.sign(user_id, Kind::Refresh, self.refresh_life)?;
        let pair = TokenPair { access_token, refresh_token, token_type: "bearer" };
        Ok((pair, name))
    }

    fn sign(&self, sub: &str, kind: Kind, life: TimeDelta) -> Result<(String, String), ApiError> {
        let now = self.clock.now();
        let claims = Claims {
            sub: sub.to_owned(),
            exp: now.timestamp().saturating_add(life.num_seconds()),
            iat: now.timestamp(),
            jti: Uuid::new_v4().to_string(),
            kind,
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
            .map_err(|fault| ApiError::internal("signing a token", fault))?;
        Ok((token, claims.jti))
    }

    /// What `token` says, if it is one of ours, not expired, and of this kind.
    pub fn check(&self, token: &str, kind: Kind) -> Result<Claims, TokenError> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.required_spec_claims.clear();
        // The library would ask the system for the time; ours comes from the clock, below.
        rules.validate_exp = false;
        rules.validate_aud = false;
        let unkinded: Unkinded = decode(token, &self.checking, &rules).map_err(|_| TokenError::Malformed)?.claims;
        let claims = unkinded.of(kind)?;
        let end = claims.expires_at().checked_add_signed(self.leeway);
        match end {
            Some(end) if end <= self.clock.now() => Err(TokenError::Expired),
            _ => Ok(claims),
        }
    }
}

/// Claims whose kind may be missing or unknown, which deserves an answer of its own.
#[derive(Deserialize)]
struct Unkinded {
    sub: String,
    exp: i64,
    #[serde(default)]
    iat: i64,
    #[serde(default)]
    jti: String,
    #[serde(rename = "type", default)]
    kind: serde_json::Value,
}

impl Unkinded {
    fn of(self, wanted: Kind) -> Result<Claims, TokenError> {
        if serde_json::from_value(self.kind).ok() != Some(wanted) {
            return Err(TokenError::WrongKind);
        }
        if self.sub.is_empty() {
            return Err(TokenError::Malformed);
        }
        Ok(Claims { sub: self.sub, exp: self.exp, iat: self.iat, jti: self.jti, kind: wanted })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::config::Settings;

    fn tokens() -> (Tokens, Clock) {
        let clock = Clock::adjustable();
        let settings = Settings::read(|_| None).unwrap();
        (Tokens::new(&settings.sign_in, clock.clone()), clock)
    }

    fn signed(tokens: &Tokens, algorithm: Algorithm, claims: &Value) -> String {
        encode(&Header::new(algorithm), claims, &tokens.signing).unwrap()
    }

    #[test]
    fn token_lives_as_long_as_the_clock_says() {
        let (tokens, clock) = tokens();
        let (pair, name) = tokens.issue("u1").unwrap();
        let claims = tokens.check(&pair.access_token, Kind::Access).unwrap();
        assert_eq!((claims.sub.as_str(), &claims.jti), ("u1", &name));
        clock.advance(Duration::from_secs(59 * 60));
        assert!(tokens.check(&pair.access_token, Kind::Access).is_ok());
        clock.advance(Duration::from_secs(60));
        let expired = tokens.check(&pair.access_token, Kind::Access);
        assert_eq!(expired.unwrap_err(), TokenError::Expired);
        assert!(tokens.check(&pair.refresh_token, Kind::Refresh).is_ok());
    }

    #[test]
    fn token_of_the_other_kind_or_of_none_is_refused() {
        let (tokens, _) = tokens();
        let (pair, _) = tokens.issue("u1").unwrap();
        let refresh = tokens.check(&pair.refresh_token, Kind::Access);
        assert_eq!(refresh.unwrap_err(), TokenError::WrongKind);
        let end = Utc::now().timestamp() + 60;
        let bare = signed(&tokens, Algorithm::HS256, &json!({"sub": "u1", "exp": end}));
        assert_eq!(tokens.check(&bare, Kind::Access).unwrap_err(), TokenError::WrongKind);
    }

    #[test]
    fn token_without_end_or_user_or_of_another_algorithm_is_refused() {
        let (tokens, _) = tokens();
        let end = Utc::now().timestamp() + 60;
        for claims in [
            json!({"sub": "u1", "type": "access"}),
            json!({"exp": end, "type": "access"}),
            json!({"sub": "", "exp": end, "type": "access"}),
        ] {
            let token = signed(&tokens, Algorithm::HS256, &claims);
            let refused = tokens.check(&token, Kind::Access);
            assert_eq!(refused.unwrap_err(), TokenError::Malformed, "{claims}");
        }
        let good = json!({"sub": "u1", "exp": end, "type": "access"});
        let token = signed(&tokens, Algorithm::HS256, &good);
        assert!(tokens.check(&token, Kind::Access).is_ok());
        let token = signed(&tokens, Algorithm::HS512, &good);
        assert!(tokens.check(&token, Kind::Access).is_err());
        assert!(tokens.check("rubbish", Kind::Access).is_err());
    }
}
