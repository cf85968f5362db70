//! The ledger of calls between services, which all services write and the gateway reads (feature 46).
//!
//! It is in Redis: a hash with a count for each pair, and a sorted set that tells when each was last seen. What was not
//! seen for a day is struck out.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::aio::ConnectionManager;
use redis::{AsyncCommands, RedisError};

use crate::clock::Clock;
use crate::redis::{SESSIONS, manager};
use crate::service::Service;
use crate::startup::Context;
use crate::telemetry::calls;

const COUNTS: &str = "dependencies:calls";
const SEEN: &str = "dependencies:seen";
/// Between caller and callee.
const BORDER: char = '>';

/// Calls are gathered for this long before they are written.
const GATHERED: Duration = Duration::from_millis(50);
/// How long is waited after a failure to write.
const PAUSE: Duration = Duration::from_secs(1);

/// The ledger; clones share a connection.
#[derive(Clone)]
pub struct Ledger {
    redis: ConnectionManager,
    clock: Clock,
    service: Service,
    kept_for: Duration,
}

/// A pair of which one has called the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Who called.
    pub from: String,
    /// Who was called.
    pub to: String,
    /// How often.
    pub calls: u64,
    /// When last, in milliseconds since 1970.
    pub last_seen_ms: i64,
}

impl Ledger {
    /// The ledger of these surroundings. It connects when first used; its own commands are no calls.
    pub fn new(context: &Context) -> Result<Ledger, RedisError> {
        Ok(Ledger {
            redis: manager(&context.settings, SESSIONS)?,
            clock: context.clock.clone(),
            service: context.service,
            kept_for: context.settings.dependencies_kept_for,
        })
    }

    /// Writes what this process calls, for as long as it lives.
    pub async fn keep(self) {
        loop {
            calls::some().await;
            tokio::time::sleep(GATHERED).await;
            if let Err(error) = self.write().await {
                tracing::debug!(error = %error, "Calls not written down yet");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Writes what has gathered. What cannot be written is kept for the next time.
    pub async fn write(&self) -> Result<(), RedisError> {
        let gathered = calls::take();
        if gathered.is_empty() {
            return Ok(());
        }
        let now = self.clock.now().timestamp_millis();
        let mut both = redis::pipe();
        both.atomic();
        for ((from, to), count) in &gathered {
            let pair = format!("{}{BORDER}{to}", from.unwrap_or(self.service.name()));
            both.hincr(COUNTS, &pair, *count).ignore().zadd(SEEN, &pair, now).ignore();
        }
        let written: Result<(), RedisError> = both.query_async(&mut self.redis.clone()).await;
        if written.is_err() {
            calls::put_back(gathered);
        }
        written
    }

    /// All pairs seen of late, in no particular order.
    pub async fn read(&self) -> Result<Vec<Entry>, RedisError> {
        let mut redis = self.redis.clone();
        let oldest = self.clock.now().timestamp_millis() - i64::try_from(self.kept_for.as_millis()).unwrap_or(i64::MAX);
        let gone: Vec<String> = redis.zrangebyscore(SEEN, "-inf", format!("({oldest}")).await?;
        if !gone.is_empty() {
            let mut strike = redis::pipe();
            strike.atomic().hdel(COUNTS, &gone).ignore().zrem(SEEN, &gone).ignore();
            strike.query_async::<()>(&mut redis).await?;
        }
        let counts: BTreeMap<String, u64> = redis.hgetall(COUNTS).await?;
        let seen: BTreeMap<String, f64> =
            redis.zrange_withscores::<_, Vec<(String, f64)>>(SEEN, 0, -1).await?.into_iter().collect();
        let entry = |(pair, calls): (&String, &u64)| {
            let (from, to) = pair.split_once(BORDER)?;
            let last_seen_ms = *seen.get(pair)? as i64;
            Some(Entry { from: from.to_owned(), to: to.to_owned(), calls: *calls, last_seen_ms })
        };
        Ok(counts.iter().filter_map(entry).collect())
    }
}
