//! Tells whoever has a diagram open that it changed: a message on the channel `file:<id>` (feature 5).

use std::sync::LazyLock;

use redis::{RedisError, Script};
use serde::Serialize;
use tracing::warn;

use crate::redis::Pool;

static PUBLISH: LazyLock<Script> = LazyLock::new(|| Script::new("return redis.call('PUBLISH', KEYS[1], ARGV[1])"));

/// What happened to a diagram.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event<'a> {
    /// It has a new version.
    DiagramUpdated {
        /// Which diagram.
        diagram_id: &'a str,
        /// The number of the version.
        version: Option<i32>,
        /// Who made it.
        user_id: &'a str,
    },
    /// It is in the bin.
    DiagramDeleted {
        /// Which diagram.
        diagram_id: &'a str,
        /// Who put it there.
        user_id: &'a str,
    },
}

/// Publishes what happened to the diagram. Nobody need listen, and a failure is told to the log alone.
pub(super) async fn announce(pool: &Pool, diagram_id: &str, event: Event<'_>) {
    let message = serde_json::json!(event).to_string();
    let mut script = PUBLISH.prepare_invoke();
    script.key(format!("file:{diagram_id}")).arg(message);
    let heard: Result<i64, RedisError> = pool.invoke(&script).await;
    if let Err(error) = heard {
        warn!(diagram_id, error = %error, "Change not announced, Redis is away");
    }
}
