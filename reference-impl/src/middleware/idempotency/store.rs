//! Where answers are kept for replays, and who of several twins may run.

use std::sync::LazyLock;
use std::time::Duration;

use redis::{RedisError, Script};
use uuid::Uuid;

use super::stored_answer::StoredAnswer;
use crate::clock::Clock;
use crate::redis::Pool;

/// Reads the stored answer, or takes the lock if there is none. One step, so that no answer slips in between.
///
/// A lock that is ours already was taken by a first try whose reply was lost.
const CLAIM: &str = r"
local answer = redis.call('GET', KEYS[1])
if answer and answer ~= ARGV[3] then return {'answered', answer} end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'ours', ''} end
if redis.call('GET', KEYS[2]) == ARGV[1] then return {'ours', ''} end
return {'twin', ''}
";

/// Stores the answer and lets the lock go, unless the lock has passed to someone else.
const KEEP: &str = r"
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
";

/// Lets the lock go, if it is still ours.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
";

static CLAIM_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(CLAIM));
static KEEP_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(KEEP));
static RELEASE_SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(RELEASE));

/// Answers by the names of their questions.
pub struct Store {
    pool: Pool,
    clock: Clock,
    ttl: Duration,
    lock_life: Duration,
}

/// What came of asking for a name.
pub enum Claim {
    /// Somebody asked before and was answered.
    Answered(StoredAnswer),
    /// Nobody did: run, then keep the answer or release the lock.
    Ours(Lock),
    /// Somebody asked before and waits for the answer.
    TwinUnderWay,
}

/// The right to run the request of one name; released when dropped, so that a request cut short leaves nothing behind.
pub struct Lock {
    pool: Pool,
    name: String,
    token: String,
    held: bool,
}

impl Store {
    /// A store whose answers live for `ttl`. `lock_life` bounds how long a crashed gateway can hold up twins, so it
    /// must be longer than any request may take.
    pub fn new(pool: Pool, clock: Clock, ttl: Duration, lock_life: Duration) -> Store {
        Store { pool, clock, ttl, lock_life }
    }

    /// How long answers are kept.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The time it lives by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The stored answer under this name, or the right to be the first.
    pub async fn claim(&self, name: &str) -> Result<Claim, RedisError> {
        // An answer whose time has passed by our clock is treated as absent; the one who runs overwrites it.
        let mut out_of_date = String::new();
        loop {
            let lock = Lock::new(self.pool.clone(), name);
            let (kind, text) = match self.ask(&lock, &out_of_date).await {
                Ok(answer) => answer,
                Err(error) => {
                    // The lock may have been taken although no reply came.
                    drop(lock.taken());
                    return Err(error);
                }
            };
            match kind.as_str() {
                "ours" => return Ok(Claim::Ours(lock.taken())),
                "twin" => return Ok(Claim::TwinUnderWay),
                _ => {}
            }
            match serde_json::from_str::<StoredAnswer>(&text) {
                Ok(answer) if answer.expires_at_ms > self.clock.now().timestamp_millis() => {
                    return Ok(Claim::Answered(answer));
                }
                _ => out_of_date = text,
            }
        }
    }

    async fn ask(&self, lock: &Lock, out_of_date: &str) -> Result<(String, String), RedisError> {
        let mut script = CLAIM_SCRIPT.prepare_invoke();
        script.key(&lock.name).key(lock.key()).arg(&lock.token).arg(milliseconds(self.lock_life)).arg(out_of_date);
        self.pool.invoke(&script).await
    }

    /// Keeps the answer for as long as answers live, and lets the waiting twins have it.
    pub async fn keep(&self, mut lock: Lock, mut answer: StoredAnswer) -> Result<(), RedisError> {
        let ttl = milliseconds(self.ttl);
        answer.expires_at_ms = self.clock.now().timestamp_millis().saturating_add(ttl);
        let text = serde_json::to_string(&answer).expect("strings and numbers are always JSON");
        let mut script = KEEP_SCRIPT.prepare_invoke();
        script.key(&lock.name).key(lock.key()).arg(&lock.token).arg(text).arg(ttl);
        let kept: Result<i64, RedisError> = self.pool.invoke(&script).await;
        lock.held = kept.is_err();
        kept.map(|_| ())
    }
}

impl Lock {
    fn new(pool: Pool, name: &str) -> Lock {
        Lock { pool, name: name.to_owned(), token: Uuid::new_v4().to_string(), held: false }
    }

    fn taken(mut self) -> Lock {
        self.held = true;
        self
    }

    fn key(&self) -> String {
        format!("lock:{}", self.name)
    }

    /// Lets the next twin run. What goes wrong here heals by itself, as the lock expires.
    pub async fn release(mut self) {
        self.held = false;
        release(self.pool.clone(), self.key(), self.token.clone()).await;
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if !self.held {
            return;
        }
        let release = release(self.pool.clone(), self.key(), self.token.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(release);
        }
    }
}

async fn release(pool: Pool, key: String, token: String) {
    let mut script = RELEASE_SCRIPT.prepare_invoke();
    script.key(key).arg(token);
    let released: Result<i64, RedisError> = pool.invoke(&script).await;
    if let Err(error) = released {
        tracing::warn!(error = %error, "Idempotency lock not released; it expires by itself");
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
