//! Diagrams as they were last read, kept in Redis for a while (feature 4). Reading does not depend on it.
//!
//! Nothing old is served after a change was answered. A reader that finds nothing leaves a mark of its own, and what
//! it then reads takes the place of that mark alone: a change in between has removed it. A change that was broken off
//! after the database took it, or could not reach Redis, still owes the removal; until that is done nothing is read
//! from Redis.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{RedisError, Script};
use serde::Deserialize;
use tracing::warn;
use uuid::Uuid;

use super::diagram::Diagram;
use crate::config;
use crate::error::ApiError;
use crate::redis::Pool;

/// How long a reader may take from its mark to what it read.
const MARK_LIFE: Duration = Duration::from_secs(10);

/// Larger ones are read from the database each time.
const LARGEST: usize = 1 << 20;

/// What is kept; where there is nothing, the reader's mark.
static LOOK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local kept = redis.call('GET', KEYS[1])
         if kept then return kept end
         redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
         return ARGV[1]",
    )
});

/// Puts what was read in place of the reader's mark.
static FILL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
         redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
         return 1",
    )
});

/// Takes the reader's mark away.
static GIVE_UP: LazyLock<Script> = LazyLock::new(|| {
    Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('UNLINK', KEYS[1]) end return 1")
});

static REMOVE: LazyLock<Script> = LazyLock::new(|| Script::new("return redis.call('UNLINK', unpack(KEYS))"));

/// Where diagrams are kept. Clones share it.
#[derive(Clone)]
pub(super) struct Cache {
    /// Nothing where keeping is switched off.
    pool: Option<Pool>,
    life: Duration,
    changes: Arc<Mutex<Changes>>,
}

/// What this process is changing, and what it still has to remove.
#[derive(Default)]
struct Changes {
    /// By id, how many changes are under way.
    under_way: BTreeMap<String, u32>,
    /// By id, the number of the last change that has ended.
    owed: BTreeMap<String, u64>,
    ended: u64,
}

/// A change under way. However it ends, what is kept of the diagram has to be removed.
pub(super) struct Changing<'a> {
    cache: &'a Cache,
    id: &'a str,
}

/// What a reader found.
enum Look {
    /// The diagram as JSON.
    Kept(String),
    /// Nothing; the mark under which it may be kept.
    Free(String),
    /// Nothing that may be used, and nothing may be kept.
    Closed,
}

impl Cache {
    /// A cache in the Redis of `pool`.
    pub(super) fn new(settings: &config::Cache, pool: Pool) -> Cache {
        Cache { pool: settings.enabled.then_some(pool), life: settings.ttl, changes: Arc::default() }
    }

    /// The diagram as JSON: what is kept, or what `find` finds.
    pub(super) async fn read(
        &self,
        owner: &str,
        id: &str,
        find: impl Future<Output = Result<Diagram, ApiError>>,
    ) -> Result<String, ApiError> {
        let look = match self.look(owner, id).await {
            Look::Kept(text) => return Ok(text),
            other => other,
        };
        let found = match find.await {
            Ok(found) => found,
            Err(error) => {
                self.give_up(id, &look).await;
                return Err(error);
            }
        };
        let text = serde_json::to_string(&found).map_err(|fault| ApiError::internal("writing a diagram", fault))?;
        if let Look::Free(mark) = look
            && text.len() <= LARGEST
        {
            self.fill(id, &mark, &text).await;
        }
        Ok(text)
    }

    /// Announces a change; from here on nobody in this process reads what is kept of the diagram.
    pub(super) fn changing<'a>(&'a self, id: &'a str) -> Changing<'a> {
        *self.changes().under_way.entry(id.to_owned()).or_default() += 1;
        Changing { cache: self, id }
    }

    async fn look(&self, owner: &str, id: &str) -> Look {
        let Some(pool) = &self.pool else {
            return Look::Closed;
        };
        if !self.settle().await || self.changes().under_way.contains_key(id) {
            return Look::Closed;
        }
        let mark = format!("reading {}", Uuid::new_v4());
        let mut script = LOOK.prepare_invoke();
        script.key(key(id)).arg(&mark).arg(MARK_LIFE.as_millis() as u64);
        let Ok(kept) = pool.invoke::<String>(&script).await else {
            return Look::Closed;
        };
        match serde_json::from_str::<Whose>(&kept) {
            Ok(whose) if whose.owner_id == owner => Look::Kept(kept),
            _ if kept == mark => Look::Free(mark),
            // Somebody else's, or somebody else is reading it.
            _ => Look::Closed,
        }
    }

    async fn fill(&self, id: &str, mark: &str, text: &str) {
        let Some(pool) = &self.pool else {
            return;
        };
        if self.changes().under_way.contains_key(id) {
            return;
        }
        let mut script = FILL.prepare_invoke();
        script.key(key(id)).arg(mark).arg(text).arg(self.life.as_millis() as u64);
        // What cannot be kept is read again, no more.
        let _: Result<i32, RedisError> = pool.invoke(&script).await;
    }

    /// Whoever looks for what is not there, or not theirs, must not keep others from finding it.
    async fn give_up(&self, id: &str, look: &Look) {
        let (Some(pool), Look::Free(mark)) = (&self.pool, look) else {
            return;
        };
        let mut script = GIVE_UP.prepare_invoke();
        script.key(key(id)).arg(mark);
        let _: Result<i32, RedisError> = pool.invoke(&script).await;
    }

    /// Removes what is owed; says whether nothing is owed any more.
    async fn settle(&self) -> bool {
        let owed = self.changes().owed.clone();
        let Some(pool) = self.pool.as_ref().filter(|_| !owed.is_empty()) else {
            return true;
        };
        let mut script = REMOVE.prepare_invoke();
        for id in owed.keys() {
            script.key(key(id));
        }
        if let Err(error) = pool.invoke::<i64>(&script).await {
            warn!(error = %error, diagrams = owed.len(), "Diagrams not removed from the cache, which is not read until they are");
            return false;
        }
        // What has changed again meanwhile is owed again.
        self.changes().owed.retain(|id, change| owed.get(id) != Some(change));
        true
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changing<'_> {
    /// Ends the change and removes what was kept before it.
    pub(super) async fn done(self) {
        let cache = self.cache;
        drop(self);
        cache.settle().await;
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let mut changes = self.cache.changes();
        if let Some(count) = changes.under_way.get_mut(self.id) {
            *count -= 1;
            if *count == 0 {
                changes.under_way.remove(self.id);
            }
        }
        if self.cache.pool.is_some() {
            changes.ended += 1;
            let number = changes.ended;
            changes.owed.insert(self.id.to_owned(), number);
        }
    }
}

/// Whose a diagram is, of all that is kept of it.
#[derive(Deserialize)]
struct Whose {
    owner_id: String,
}

fn key(id: &str) -> String {
    format!("cache:diagram:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    /// A cache whose Redis is not there.
    fn cache() -> Cache {
        let port = |name: &str| (name == "REDIS_PORT").then(|| "1".to_owned());
        let settings = Settings::read(port).unwrap();
        Cache::new(&settings.cache, Pool::new(&settings, 0, 1).unwrap())
    }

    #[tokio::test]
    async fn what_is_being_changed_is_neither_read_nor_kept() {
        let cache = cache();
        let (one, other) = (cache.changing("a"), cache.changing("a"));
        drop(one);
        assert!(cache.changes().under_way.contains_key("a"));
        drop(other);
        assert!(cache.changes().under_way.is_empty());
    }

    #[tokio::test]
    async fn a_change_that_was_broken_off_owes_the_removal() {
        let cache = cache();
        drop(cache.changing("a"));
        assert!(cache.changes().owed.contains_key("a"));
        assert!(!cache.settle().await, "nothing can be removed without a Redis");
        assert!(cache.changes().owed.contains_key("a"));
        assert!(matches!(cache.look("owner", "a").await, Look::Closed));
    }

    #[tokio::test]
    async fn reading_does_not_depend_on_the_cache() {
        let missing = async { Err(ApiError::NotFound("Diagram not found".to_owned())) };
        let read = cache().read("owner", "a", missing).await;
        assert!(matches!(read, Err(ApiError::NotFound(_))));
    }
}
