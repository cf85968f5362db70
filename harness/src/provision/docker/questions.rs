//! What servers are asked to see that they are ready: each a real exchange in its own protocol.

use crate::provision::database::connect;
use crate::target::{PostgresAccess, RedisAccess};
use sqlx::Connection;
use std::time::Duration;

/// The version of a PostgreSQL that answers a query: `16.6`.
pub async fn postgres_version(access: &PostgresAccess) -> Result<String, sqlx::Error> {
    let mut connection = connect(access).await?;
    let version: String = sqlx::query_scalar("show server_version").fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(first_word(&version))
}

/// The version of a Redis that answers PING: `7.4.1`.
pub async fn redis_version(access: &RedisAccess) -> Result<String, redis::RedisError> {
    let client = redis::Client::open((access.host.as_str(), access.port))?;
    let settings = redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(1)));
    let mut connection = client.get_multiplexed_async_connection_with_config(&settings).await?;
    let _: String = redis::cmd("PING").query_async(&mut connection).await?;
    let about: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
    let version = about.lines().find_map(|line| line.strip_prefix("redis_version:"));
    Ok(first_word(version.unwrap_or("unknown")))
}

fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}
