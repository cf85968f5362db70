//! A way into a Redis: for the probe, and for what a sabotage does to the Redis of a stack.

use super::error::ProvisionError;
use crate::target::RedisAccess;
use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisResult};
use std::io;

/// A client for one database; nothing is connected yet.
pub fn redis_client(access: &RedisAccess, database: u8) -> RedisResult<redis::Client> {
    let mut settings = RedisConnectionInfo::default().set_db(i64::from(database));
    if let Some(password) = &access.password {
        settings = settings.set_password(password.expose());
    }
    let address = ConnectionAddr::Tcp(access.host.clone(), access.port);
    redis::Client::open(address.into_connection_info()?.set_redis_settings(settings))
}

/// Sends one command that must succeed.
pub async fn command(access: &RedisAccess, words: &[&str]) -> Result<(), ProvisionError> {
    let send = async {
        let mut connection = redis_client(access, 0)?.get_multiplexed_async_connection().await?;
        let mut command = redis::cmd(words.first().copied().unwrap_or_default());
        for word in words.iter().skip(1) {
            command.arg(*word);
        }
        command.query_async::<()>(&mut connection).await
    };
    let failed = ProvisionError::system(format!("send {} to Redis", words.join(" ")));
    send.await.map_err(|error: redis::RedisError| failed(io::Error::other(error)))
}
