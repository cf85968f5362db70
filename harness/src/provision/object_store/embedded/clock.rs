//! The time of the store, which can be moved ahead so that expiry need not be waited for.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::sync::watch;

/// The furthest it can be moved in all: a century, well inside what dates can hold.
const FURTHEST_MS: u64 = 100 * 365 * 86_400_000;

/// Time of one store; clones share it.
#[derive(Debug, Clone)]
pub struct Clock(watch::Sender<u64>);

impl Clock {
    /// A clock that shows the time until someone advances it.
    pub fn new() -> Clock {
        Clock(watch::Sender::new(0))
    }

    /// The time, moved by what it was advanced.
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(i64::try_from(self.moved_ms()).unwrap_or(i64::MAX))
    }

    /// Moves it ahead.
    pub fn advance(&self, ms: u64) {
        self.0.send_modify(|moved| *moved = moved.saturating_add(ms).min(FURTHEST_MS));
    }

    /// How far it has been moved.
    pub fn moved_ms(&self) -> u64 {
        *self.0.borrow()
    }

    /// Tells of each advance from now on.
    pub fn advances(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    /// The time, in the words that the clocks of the services use.
    pub fn shown(&self) -> Value {
        json!({"now": self.now().format("%Y-%m-%dT%H:%M:%S%.6f").to_string(), "offset_ms": self.moved_ms(), "waiting": []})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_moves_ahead_tells_of_it_and_stays_within_what_dates_can_hold() {
        let clock = Clock::new();
        let mut advances = clock.advances();
        let before = clock.now();
        clock.advance(3_600_000);
        advances.changed().await.unwrap();
        assert!(clock.now() - before >= TimeDelta::hours(1));
        clock.advance(u64::MAX);
        assert_eq!(clock.moved_ms(), FURTHEST_MS);
        clock.now();
    }
}
