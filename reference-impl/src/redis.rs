//! Connections to Redis that mend themselves: one for a service with modest needs, a pool for the gateway.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::{
    Client, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo, Pipeline, RedisConnectionInfo, RedisError,
    RedisFuture, ScriptInvocation, Value,
};

use crate::config::Settings;
use crate::telemetry::calls;

/// The database of sessions.
pub const SESSIONS: i64 = 0;
/// The database of what is kept of reads.
pub const CACHE: i64 = 0;
/// The database of rate limits and stored answers.
pub const GATEWAY: i64 = 1;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to the database of sessions.
///
/// Succeeds while Redis is away: it connects at the first command, and again whenever the connection was lost.
pub async fn connect(settings: &Settings) -> Result<Connection, RedisError> {
    connect_to(settings, SESSIONS)
}

/// A connection to the given database, made at its first command and again whenever it was lost.
pub fn connect_to(settings: &Settings, database: i64) -> Result<Connection, RedisError> {
    manager(settings, database).map(Connection)
}

/// The same for what is no work of the service's own, and so no call of its.
pub fn manager(settings: &Settings, database: i64) -> Result<ConnectionManager, RedisError> {
    // No retries inside: a caller that waits for Redis is a request that waits for nothing.
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    ConnectionManager::new_lazy_with_config(client(settings, database)?, config)
}

/// Asks Redis whether it is there, over a connection made for that alone.
pub async fn ping(settings: &Settings) -> Result<(), RedisError> {
    let mut connection = client(settings, SESSIONS)?.get_multiplexed_async_connection().await?;
    redis::cmd("PING").query_async(&mut connection).await
}

fn client(settings: &Settings, database: i64) -> Result<Client, RedisError> {
    let mut login = RedisConnectionInfo::default().set_db(database);
    if let Some(password) = &settings.redis.password {
        login = login.set_password(password.reveal());
    }
    let place = ConnectionAddr::Tcp(settings.redis.host.clone(), settings.redis.port);
    Client::open(place.into_connection_info()?.set_redis_settings(login))
}

/// A connection whose commands are noted as calls. Clones share it.
#[derive(Clone)]
pub struct Connection(ConnectionManager);

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let answer = self.0.req_packed_command(command);
        Box::pin(async move { answer.await.inspect(|_| calls::made(calls::REDIS)) })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let answers = self.0.req_packed_commands(pipeline, offset, count);
        Box::pin(async move { answers.await.inspect(|_| calls::made(calls::REDIS)) })
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}

/// Connections to one database that many requests share (feature 16).
///
/// A command takes a connection that is at rest, or a new one where all are at work, up to a limit. Beyond it the least
/// busy carries one more, for a connection can carry many commands at once: nobody waits for a free one, nobody is
/// turned away.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    settings: Arc<Settings>,
    database: i64,
    members: Mutex<Vec<Arc<Member>>>,
}

struct Member {
    manager: Connection,
    connected: AtomicBool,
    commands: AtomicUsize,
}

/// A connection while it carries a command of ours.
struct Turn(Arc<Member>);

impl Pool {
    /// A pool for one database, which connects with its first command.
    pub fn new(settings: &Arc<Settings>, database: i64) -> Pool {
        Pool(Arc::new(Inner { settings: Arc::clone(settings), database, members: Mutex::default() }))
    }

    /// Runs a script.
    ///
    /// A connection learns that it was lost from its next command, so a command that meets a dead one gets a second chance.
    pub async fn invoke<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, RedisError> {
        let turn = self.turn()?;
        let member = &turn.0;
        let mut outcome = script.invoke_async(&mut member.manager.clone()).await;
        if let Err(error) = &outcome
            && is_lost_connection(error)
        {
            outcome = script.invoke_async(&mut member.manager.clone()).await;
        }
        member.note(&outcome);
        outcome
    }

    /// Asks whether Redis is there, which also opens the first connection.
    pub async fn ping(&self) {
        let pong: Result<String, RedisError> = match self.turn() {
            Ok(turn) => {
                let pong = redis::cmd("PING").query_async(&mut turn.0.manager.clone()).await;
                turn.0.note(&pong);
                pong
            }
            Err(error) => Err(error),
        };
        if let Err(error) = pong {
            tracing::warn!(error = %error, "Redis unreachable");
        }
    }

    /// How many connections answered when they were last used.
    pub fn connected(&self) -> usize {
        self.members().iter().filter(|member| member.connected.load(Ordering::Relaxed)).count()
    }

    fn turn(&self) -> Result<Turn, RedisError> {
        let mut members = self.members();
        let calmest = members.iter().min_by_key(|member| member.commands.load(Ordering::Relaxed)).cloned();
        let member = match calmest {
            Some(calmest) if calmest.is_at_rest() || members.len() >= self.0.settings.redis.pool_size => calmest,
            _ => {
                let manager = connect_to(&self.0.settings, self.0.database)?;
                let (connected, commands) = (AtomicBool::new(false), AtomicUsize::new(0));
                let added = Arc::new(Member { manager, connected, commands });
                members.push(Arc::clone(&added));
                added
            }
        };
        // Counted before the next caller looks.
        member.commands.fetch_add(1, Ordering::Relaxed);
        Ok(Turn(member))
    }

    fn members(&self) -> MutexGuard<'_, Vec<Arc<Member>>> {
        self.0.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.commands.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Member {
    fn is_at_rest(&self) -> bool {
        self.commands.load(Ordering::Relaxed) == 0
    }

    fn note<T>(&self, outcome: &Result<T, RedisError>) {
        let connected = outcome.as_ref().err().is_none_or(|error| !error.is_io_error());
        self.connected.store(connected, Ordering::Relaxed);
    }
}

// A timeout is not retried: the caller has waited once, and the server may yet do the work.
fn is_lost_connection(error: &RedisError) -> bool {
    error.is_io_error() && !error.is_timeout()
}
