//! Sessions in Redis, one for each sign-in. Signing in does not depend on them.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use redis::AsyncCommands;
use serde_json::json;
use tracing::warn;

use crate::clock::Clock;
use crate::config::Settings;
use crate::redis::Connection;
use crate::startup::StartupError;
use crate::telemetry::json_log::timestamp;

/// Where sessions are kept.
#[derive(Clone)]
pub struct Sessions {
    redis: Connection,
    settings: Arc<Settings>,
    clock: Clock,
}

/// Who signs in, as far as the connection tells.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The address the request came from, before any proxy.
    pub ip_address: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

impl Sessions {
    /// Sessions in the Redis of `settings`, which need not be there yet.
    pub async fn new(settings: Arc<Settings>, clock: Clock) -> Result<Sessions, StartupError> {
        let redis = crate::redis::connect(&settings)
            .await
            .map_err(|source| StartupError::Part { part: "sessions in Redis", source: source.into() })?;
        Ok(Sessions { redis, settings, clock })
    }

    /// Remembers that `user_id` signed in; `name` is that of the access token. A failure is told to the log alone.
    pub async fn open(&self, name: &str, user_id: &str, visitor: &Visitor) {
        let session = json!({
            "user_id": user_id,
            "created_at": timestamp(&self.clock),
            "ip_address": visitor.ip_address,
            "user_agent": visitor.user_agent,
        });
        let life = self.settings.sign_in.session_ttl.as_secs().max(1);
        let key = format!("session:{name}");
        let mut redis = self.redis.clone();
        let stored: Result<(), redis::RedisError> = redis.set_ex(key, session.to_string(), life).await;
        if let Err(fault) = stored {
            warn!(user_id, error = %fault, "Session not stored, Redis is away");
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<std::net::SocketAddr>>().map(|peer| peer.0.ip().to_string());
        let user_agent =
            parts.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Ok(Visitor { ip_address: forwarded_for(&parts.headers).or(peer), user_agent })
    }
}

/// The first address in `X-Forwarded-For`, which the gateway fills in.
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let first = headers.get("x-forwarded-for")?.to_str().ok()?;
    let address: IpAddr = first.split(',').next()?.trim().parse().ok()?;
    Some(address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_counts_as_where_a_request_came_from() {
        let from = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", text.parse().unwrap());
            forwarded_for(&headers)
        };
        assert_eq!(from("10.1.2.3, 10.0.0.1").as_deref(), Some("10.1.2.3"));
        assert_eq!(from("<script>"), None);
    }
}
