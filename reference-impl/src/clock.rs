//! The time a service lives by. With test endpoints on it can be moved forward.
//!
//! All waiting, all comparisons of times and the durations of requests go through a [`Clock`], so that thirty seconds
//! can pass in no time. What others make us wait, a database or a back end, is measured by [`std::time::Instant`].

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::watch;

/// The furthest a clock can be moved in all: a century, well inside what dates can hold.
const FURTHEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Time of one service; clones share it.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    started: Instant,
    adjustable: bool,
    offset: watch::Sender<Duration>,
    sleepers: Mutex<BTreeMap<u64, Sleeper>>,
    next_sleeper: AtomicU64,
}

struct Sleeper {
    what: String,
    until: Duration,
}

/// Something that waits on the clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// What waits, in the words of the one who waits.
    pub what: String,
    /// Milliseconds until its time has come.
    pub remaining_ms: u64,
}

/// The limit passed before the work was done.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time limit passed before the work was done")]
pub struct Elapsed;

impl Clock {
    /// A clock that shows the time and cannot be moved.
    pub fn real() -> Clock {
        Clock::new(false)
    }

    /// A clock that shows the time until someone advances it.
    pub fn adjustable() -> Clock {
        Clock::new(true)
    }

    fn new(adjustable: bool) -> Clock {
        Clock(Arc::new(Inner {
            started: Instant::now(),
            adjustable,
            offset: watch::Sender::new(Duration::ZERO),
            sleepers: Mutex::default(),
            next_sleeper: AtomicU64::new(0),
        }))
    }

    /// How far the clock has been moved.
    pub fn offset(&self) -> Duration {
        *self.0.offset.borrow()
    }

    /// Wall-clock time, moved by the offset.
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.offset()
    }

    /// Time since the clock was made, moved by the offset; it never goes back.
    pub fn monotonic(&self) -> Duration {
        self.0.started.elapsed() + self.offset()
    }

    /// Waits. `what` is shown among the [`Clock::waiting`].
    pub async fn sleep(&self, what: &str, how_long: Duration) {
        let until = self.monotonic().saturating_add(how_long);
        let _registered = self.register(what, until);
        let mut moved = self.0.offset.subscribe();
        loop {
            let remaining = until.saturating_sub(self.monotonic());
            if remaining.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(remaining) => {}
                _ = moved.changed() => {}
            }
        }
    }

    /// The outcome of `work`, unless `limit` passes first; then `work` is dropped.
    pub async fn timeout<F: Future>(&self, what: &str, limit: Duration, work: F) -> Result<F::Output, Elapsed> {
        let work = pin!(work);
        tokio::select! {
            biased;
            output = work => Ok(output),
            () = self.sleep(what, limit) => Err(Elapsed),
        }
    }

    /// Moves the clock forward and wakes those whose time has come. A real clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if self.0.adjustable {
            self.0.offset.send_modify(|offset| *offset = offset.saturating_add(by).min(FURTHEST));
        }
    }

    /// Who waits, the most impatient first.
    pub fn waiting(&self) -> Vec<Waiting> {
        let now = self.monotonic();
        let sleepers = self.0.sleepers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting: Vec<Waiting> = sleepers
            .values()
            .filter(|sleeper| sleeper.until > now)
            .map(|sleeper| Waiting {
                what: sleeper.what.clone(),
                remaining_ms: u64::try_from((sleeper.until - now).as_millis()).unwrap_or(u64::MAX),
            })
            .collect();
        waiting.sort_by_key(|entry| entry.remaining_ms);
        waiting
    }

    /// Lists a sleeper for as long as the guard lives. Nobody asks a real clock, so it spares itself the work.
    fn register(&self, what: &str, until: Duration) -> Option<Registered<'_>> {
        if !self.0.adjustable {
            return None;
        }
        let id = self.0.next_sleeper.fetch_add(1, Ordering::Relaxed);
        let what = what.to_owned();
        self.0.sleepers.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Sleeper { what, until });
        Some(Registered { clock: self, id })
    }
}

struct Registered<'a> {
    clock: &'a Clock,
    id: u64,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.clock.0.sleepers.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn advancing_wakes_those_whose_time_has_come_and_no_others() {
        let clock = Clock::adjustable();
        let sleeper = |what: &'static str, how_long| {
            let clock = clock.clone();
            tokio::spawn(async move { clock.sleep(what, how_long).await })
        };
        let short = sleeper("short", HOUR);
        let long = sleeper("long", 3 * HOUR);
        while clock.waiting().len() < 2 {
            tokio::task::yield_now().await;
        }
        clock.advance(2 * HOUR);
        short.await.unwrap();
        let waiting = clock.waiting();
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].what, "long");
        assert!(waiting[0].remaining_ms <= 3_600_000 && waiting[0].remaining_ms > 3_500_000);
        long.abort();
        assert!(long.await.unwrap_err().is_cancelled());
        assert!(clock.waiting().is_empty());
    }

    #[tokio::test]
    async fn timeout_ends_early_when_the_clock_moves() {
        let clock = Clock::adjustable();
        let mover = clock.clone();
        tokio::spawn(async move {
            while mover.waiting().is_empty() {
                tokio::task::yield_now().await;
            }
            mover.advance(HOUR);
        });
        let never = std::future::pending::<()>();
        assert_eq!(clock.timeout("never", HOUR, never).await, Err(Elapsed));
        assert_eq!(clock.timeout("at once", HOUR, async { 7 }).await, Ok(7));
    }

    #[test]
    fn both_times_move_and_cannot_be_moved_out_of_range() {
        let clock = Clock::adjustable();
        let (wall, monotonic) = (clock.now(), clock.monotonic());
        clock.advance(HOUR);
        assert!(clock.now() - wall >= chrono::TimeDelta::hours(1));
        assert!(clock.monotonic() - monotonic >= HOUR);
        clock.advance(Duration::MAX);
        assert_eq!(clock.offset(), FURTHEST);
        clock.now();
    }

    #[test]
    fn real_clock_stands_its_ground() {
        let clock = Clock::real();
        clock.advance(HOUR);
        assert_eq!(clock.offset(), Duration::ZERO);
    }
}
