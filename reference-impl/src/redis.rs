//! Connections to Redis that mend themselves: one for a service with modest needs, a pool for the gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{
    Client, ConnectionAddr, FromRedisValue, IntoConnectionInfo, RedisConnectionInfo, RedisError, ScriptInvocation,
};

use crate::config::Settings;

/// The database of sessions.
pub const SESSIONS: i64 = 0;
/// The database of what is kept of reads.
pub const CACHE: i64 = 0;
/// The database of rate limits and stored answers.
pub const GATEWAY: i64 = 1;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection to the database of sessions.
///
/// Succeeds while Redis is away: it connects at the first command, and again whenever the connection was lost.
pub async fn connect(settings: &Settings) -> Result<ConnectionManager, RedisError> {
    connect_to(settings, SESSIONS)
}

/// A connection to the given database, made at its first command and again whenever it was lost.
pub fn connect_to(settings: &Settings, database: i64) -> Result<ConnectionManager, RedisError> {
    let mut login = RedisConnectionInfo::default().set_db(database);
    if let Some(password) = &settings.redis.password {
        login = login.set_password(password.reveal());
    }
    let place = ConnectionAddr::Tcp(settings.redis.host.clone(), settings.redis.port);
    let client = Client::open(place.into_connection_info()?.set_redis_settings(login))?;
    // No retries inside: a caller that waits for Redis is a request that waits for nothing.
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    ConnectionManager::new_lazy_with_config(client, config)
}

/// A few connections that many requests share, each carrying many commands at once.
///
/// Nobody waits for a free one, and their number never grows, so there is nothing to leak.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    connections: Vec<Member>,
    next: AtomicUsize,
}

struct Member {
    manager: ConnectionManager,
    connected: AtomicBool,
}

impl Pool {
    /// A pool of `size` connections to one database.
    pub fn new(settings: &Settings, database: i64, size: usize) -> Result<Pool, RedisError> {
        let connections = (0..size)
            .map(|_| Ok(Member { manager: connect_to(settings, database)?, connected: AtomicBool::new(false) }))
            .collect::<Result<_, RedisError>>()?;
        Ok(Pool(Arc::new(Inner { connections, next: AtomicUsize::new(0) })))
    }

    /// Runs a script on the next connection.
    ///
    /// A connection learns that it was lost from its next command, so a command that meets a dead one gets a second chance.
    pub async fn invoke<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, RedisError> {
        let turn = self.0.next.fetch_add(1, Ordering::Relaxed);
        let member = &self.0.connections[turn % self.0.connections.len()];
        let mut outcome = script.invoke_async(&mut member.manager.clone()).await;
        if let Err(error) = &outcome
            && is_lost_connection(error)
        {
            outcome = script.invoke_async(&mut member.manager.clone()).await;
        }
        member.note(&outcome);
        outcome
    }

    /// Asks every connection whether it is there, which also makes those that are not.
    pub async fn ping(&self) {
        for member in &self.0.connections {
            let pong: Result<String, RedisError> = redis::cmd("PING").query_async(&mut member.manager.clone()).await;
            member.note(&pong);
            if let Err(error) = pong {
                tracing::warn!(error = %error, "Redis unreachable");
                return;
            }
        }
    }

    /// How many connections answered when they were last used.
    pub fn connected(&self) -> usize {
        self.0.connections.iter().filter(|member| member.connected.load(Ordering::Relaxed)).count()
    }
}

impl Member {
    fn note<T>(&self, outcome: &Result<T, RedisError>) {
        let connected = outcome.as_ref().err().is_none_or(|error| !error.is_io_error());
        self.connected.store(connected, Ordering::Relaxed);
    }
}

// A timeout is not retried: the caller has waited once, and the server may yet do the work.
fn is_lost_connection(error: &RedisError) -> bool {
    error.is_io_error() && !error.is_timeout()
}
