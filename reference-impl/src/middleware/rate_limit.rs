//! Limits how many requests a user and an address may send per window (features 9 and 10).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use redis::{RedisError, Script};
use serde_json::json;

use crate::clock::Clock;
use crate::middleware::signed_in::SignedIn;
use crate::redis::Pool;

/// Counts a request in one fixed window per key, opened by the first request.
///
/// The caller brings the time, so that a service whose clock is moved sees its windows end. Requests that arrive at
/// the same moment may come here in another order than they read the clock: a window may begin a moment later than
/// they. One that begins further ahead than its length was opened by a clock that has been put back, and is opened
/// anew.
/// The time to live only cleans up: a clock can run ahead of the server's, never behind.
const COUNT: &str = r"
local now, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local answer = {}
for _, key in ipairs(KEYS) do
  local opened = tonumber(redis.call('HGET', key, 'opened_ms'))
  local count
  if opened and math.abs(now - opened) < window then
    count = redis.call('HINCRBY', key, 'count', 1)
  else
    opened, count = now, 1
    redis.call('HSET', key, 'opened_ms', ARGV[1], 'count', 1)
    redis.call('PEXPIRE', key, window)
  end
  answer[#answer + 1] = count
  answer[#answer + 1] = opened
end
return answer
";

static COUNT_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(COUNT));

/// What is counted, and how much of it is too much.
pub struct RateLimiter {
    /// Where the counters are.
    pub pool: Pool,
    /// The time that windows live by.
    pub clock: Clock,
    /// Requests per user and window.
    pub per_user: u64,
    /// Requests per address and window.
    pub per_ip: u64,
    /// How long a window is.
    pub window: Duration,
    /// Whether requests to this path count against the address.
    pub counts_address: fn(&str) -> bool,
    /// Whether requests to this path count against the user.
    pub counts_user: fn(&str) -> bool,
    /// Hears of every refusal: `user` or `ip`.
    pub on_excess: Box<dyn Fn(&'static str) + Send + Sync>,
}

struct Counter {
    kind: &'static str,
    key: String,
    limit: u64,
}

struct Excess {
    kind: &'static str,
    limit: u64,
    resets_at_ms: i64,
}

/// Refuses with 429 whoever asks too often. While Redis is away everyone passes.
pub async fn rate_limit(State(limiter): State<Arc<RateLimiter>>, request: Request, next: Next) -> Response {
    let counters = limiter.counters(&request);
    if counters.is_empty() {
        return next.run(request).await;
    }
    match limiter.count(&counters).await {
        Ok(None) => next.run(request).await,
        Ok(Some(excess)) => {
            (limiter.on_excess)(excess.kind);
            let path = request.uri().path();
            tracing::warn!(path, key_type = excess.kind, limit = excess.limit, "Rate limit exceeded");
            limiter.refuse(&excess)
        }
        Err(error) => {
            tracing::warn!(error = %error, "Rate limit not enforced: Redis unreachable");
            next.run(request).await
        }
    }
}

impl RateLimiter {
    fn counters(&self, request: &Request) -> Vec<Counter> {
        let path = request.uri().path();
        let mut counters = Vec::with_capacity(2);
        if (self.counts_address)(path)
            && let Some(address) = client_address(request)
        {
            counters.push(self.counter("ip", &address.to_string(), self.per_ip));
        }
        if (self.counts_user)(path)
            && let Some(SignedIn(user)) = request.extensions().get()
        {
            counters.push(self.counter("user", user, self.per_user));
        }
        counters
    }

    fn counter(&self, kind: &'static str, who: &str, limit: u64) -> Counter {
        let (number, unit) = in_words(self.window);
        Counter { kind, key: format!("LIMITS:LIMITER/{kind}:{who}/{limit}/{number}/{unit}"), limit }
    }

    async fn count(&self, counters: &[Counter]) -> Result<Option<Excess>, RedisError> {
        let now = self.clock.now().timestamp_millis();
        let window = i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX);
        let mut script = COUNT_SCRIPT.prepare_invoke();
        script.arg(now).arg(window);
        for counter in counters {
            script.key(&counter.key);
        }
        let counts: Vec<i64> = self.pool.invoke(&script).await?;
        let excess = counters
            .iter()
            .zip(counts.chunks_exact(2))
            .find(|(counter, count)| u64::try_from(count[0]).is_ok_and(|seen| seen > counter.limit));
        Ok(excess.map(|(counter, count)| Excess {
            kind: counter.kind,
            limit: counter.limit,
            resets_at_ms: count[1].saturating_add(window),
        }))
    }

    fn refuse(&self, excess: &Excess) -> Response {
        let (number, unit) = in_words(self.window);
        let limit = excess.limit;
        let now = self.clock.now().timestamp_millis();
        let wait = rounded_up(excess.resets_at_ms.saturating_sub(now).max(1));
        let reset = rounded_up(excess.resets_at_ms);
        let headers = [
            (header::RETRY_AFTER.as_str(), wait.to_string()),
            ("x-ratelimit-limit", limit.to_string()),
            ("x-ratelimit-remaining", "0".to_owned()),
            ("x-ratelimit-reset", reset.to_string()),
        ];
        let error = format!("Rate limit exceeded: {limit} per {number} {unit}");
        (StatusCode::TOO_MANY_REQUESTS, headers, Json(json!({ "error": error }))).into_response()
    }
}

/// The address of whoever asks.
///
/// What `X-Forwarded-For` claims is believed of a neighbour on this machine only; anyone else could be anyone.
pub fn client_address(request: &Request) -> Option<IpAddr> {
    let peer =
        request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical())?;
    Some(address_behind(peer, request.headers()))
}

fn address_behind(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !peer.is_loopback() {
        return peer;
    }
    headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(',').next())
        .and_then(|first| first.trim().parse().ok())
        .unwrap_or(peer)
}

// Rounded down, a caller who obeys would come back a moment too early.
fn rounded_up(milliseconds: i64) -> i64 {
    milliseconds.saturating_add(999) / 1000
}

fn in_words(window: Duration) -> (u64, &'static str) {
    match window.as_secs().max(1) {
        seconds if seconds % 60 == 0 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", value.parse().expect("is a header value"));
        headers
    }

    #[test]
    fn only_a_neighbour_may_speak_for_others() {
        let loopback: IpAddr = [127, 0, 0, 1].into();
        let stranger: IpAddr = [192, 0, 2, 9].into();
        let claim = forwarded("203.0.113.7, 10.0.0.1");
        let claimed: IpAddr = [203, 0, 113, 7].into();
        assert_eq!(address_behind(loopback, &claim), claimed);
        assert_eq!(address_behind(stranger, &claim), stranger);
        assert_eq!(address_behind(loopback, &forwarded("nonsense")), loopback);
    }

    #[test]
    fn windows_are_told_in_minutes_where_they_are_minutes() {
        assert_eq!(in_words(Duration::from_secs(60)), (1, "minute"));
        assert_eq!(in_words(Duration::from_secs(3600)), (60, "minute"));
        assert_eq!(in_words(Duration::from_secs(5)), (5, "second"));
    }
}
