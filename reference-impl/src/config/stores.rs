//! Settings of PostgreSQL and Redis: where they are, how many connections to them there are, how often it is tried.

use std::time::Duration;

use super::Secret;
use super::given::{Given, SettingsError};

/// The relational store.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// `POSTGRES_HOST`.
    pub host: String,
    /// `POSTGRES_PORT`.
    pub port: u16,
    /// `POSTGRES_DB`.
    pub database: String,
    /// `POSTGRES_USER`.
    pub user: String,
    /// `POSTGRES_PASSWORD`.
    pub password: Secret,
    /// `POSTGRES_POOL_SIZE`: connections that stay open.
    pub pool_size: usize,
    /// `POSTGRES_POOL_OVERFLOW`: connections beyond those, while they are needed.
    pub pool_overflow: usize,
    /// `POSTGRES_POOL_TIMEOUT_SECONDS`: how long a request waits for a free one.
    pub pool_wait: Duration,
    /// `SLOW_QUERY_THRESHOLD_MS`.
    pub slow_query_threshold: Duration,
}

/// The key-value store.
#[derive(Debug, Clone)]
pub struct Redis {
    /// `REDIS_HOST`.
    pub host: String,
    /// `REDIS_PORT`.
    pub port: u16,
    /// `REDIS_PASSWORD`, if there is one.
    pub password: Option<Secret>,
    /// `REDIS_POOL_SIZE`: connections that a service opens at most.
    pub pool_size: usize,
}

/// How often it is tried to connect to the database, and with which pauses.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// `RETRY_ATTEMPTS`.
    pub attempts: u32,
    /// `RETRY_PAUSE_SECONDS`; each further pause is twice as long.
    pub first_pause: Duration,
}

pub(super) fn postgres(given: &Given) -> Result<Postgres, SettingsError> {
    Ok(Postgres {
        host: given.text("POSTGRES_HOST", "localhost"),
        port: given.port("POSTGRES_PORT", 5432)?,
        database: given.text("POSTGRES_DB", "autograph"),
        user: given.text("POSTGRES_USER", "autograph"),
        password: Secret::new(given.text("POSTGRES_PASSWORD", "autograph_dev_password")),
        pool_size: given.count("POSTGRES_POOL_SIZE", 10)?,
        pool_overflow: given.parsed("POSTGRES_POOL_OVERFLOW", 20, "an integer of at least 0")?,
        pool_wait: given.seconds("POSTGRES_POOL_TIMEOUT_SECONDS", 30.0)?,
        slow_query_threshold: given.milliseconds("SLOW_QUERY_THRESHOLD_MS", 100.0)?,
    })
}

pub(super) fn redis(given: &Given) -> Result<Redis, SettingsError> {
    Ok(Redis {
        host: given.text("REDIS_HOST", "localhost"),
        port: given.port("REDIS_PORT", 6379)?,
        password: given.get("REDIS_PASSWORD").map(Secret::new),
        pool_size: given.count("REDIS_POOL_SIZE", 50)?,
    })
}

pub(super) fn retry(given: &Given) -> Result<Retry, SettingsError> {
    Ok(Retry { attempts: given.count("RETRY_ATTEMPTS", 3)?, first_pause: given.seconds("RETRY_PAUSE_SECONDS", 1.0)? })
}
