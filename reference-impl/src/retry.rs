//! Tries again after a pause that doubles, for faults that pass by themselves (feature 35).

use std::fmt::Display;
use std::time::Duration;

use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::config::{Retry, Settings};

/// How often, and with which pauses.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// Attempts in all.
    pub attempts: u32,
    /// Pause after the first attempt; each further one is twice as long.
    pub first_pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
}

impl Profile {
    /// For connections to the database; `RETRY_ATTEMPTS` and `RETRY_PAUSE_SECONDS` go before 3 and 1 s.
    pub fn database(settings: &Settings) -> Profile {
        let Retry { attempts, first_pause } = settings.retry;
        Profile { attempts, first_pause, longest_pause: Duration::from_secs(10) }
    }

    /// For calls to other services.
    pub const API: Profile = Profile::new(3, 1000, 30);
    /// For commands to Redis.
    pub const REDIS: Profile = Profile::new(3, 500, 5);

    const fn new(attempts: u32, first_pause_ms: u64, longest_pause_s: u64) -> Profile {
        Profile {
            attempts,
            first_pause: Duration::from_millis(first_pause_ms),
            longest_pause: Duration::from_secs(longest_pause_s),
        }
    }

    /// The pause after attempt number `attempt`, counted from one, before it is spread.
    fn pause(&self, attempt: u32) -> Duration {
        let doubled = 2u32.saturating_pow(attempt - 1);
        self.first_pause.saturating_mul(doubled).min(self.longest_pause)
    }
}

/// Does `work` until it succeeds, fails for a reason that will not pass, or attempts are used up.
pub async fn run<T, E: Display, W: Future<Output = Result<T, E>>>(
    clock: &Clock,
    what: &str,
    profile: Profile,
    passes_by_itself: impl Fn(&E) -> bool,
    mut work: impl FnMut() -> W,
) -> Result<T, E> {
    let mut attempt = 1;
    loop {
        match work().await {
            Ok(value) => {
                if attempt > 1 {
                    info!(what, attempt, "Succeeded after retry");
                }
                return Ok(value);
            }
            Err(fault) if attempt < profile.attempts && passes_by_itself(&fault) => {
                let pause = spread(profile.pause(attempt));
                let pause_seconds = pause.as_secs_f64();
                warn!(what, attempt, pause_seconds, error = %fault, "Attempt failed, will retry");
                clock.sleep(&format!("retry {what}"), pause).await;
                attempt += 1;
            }
            Err(fault) => {
                error!(what, attempt, error = %fault, "Attempts are used up");
                return Err(fault);
            }
        }
    }
}

/// Up to a quarter more or less, so that those who failed together do not come back together.
fn spread(pause: Duration) -> Duration {
    let chance = f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0;
    pause.mul_f64(0.75 + chance / 2.0).max(Duration::from_millis(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let profile = Profile { longest_pause: Duration::from_secs(10), ..Profile::API };
        let seconds: Vec<u64> = (1..=6).map(|n| profile.pause(n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 10, 10]);
        for _ in 0..50 {
            let pause = spread(Duration::from_secs(1)).as_secs_f64();
            assert!((0.75..=1.25).contains(&pause));
        }
    }

    #[tokio::test]
    async fn third_attempt_may_succeed_and_lasting_faults_are_not_retried() {
        let clock = Clock::adjustable();
        let mover = clock.clone();
        let moving = tokio::spawn(async move {
            loop {
                mover.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        });
        let mut calls = 0;
        let work = || {
            calls += 1;
            std::future::ready(if calls < 3 { Err("away") } else { Ok(calls) })
        };
        let outcome = run(&clock, "test", Profile::API, |_| true, work).await;
        assert_eq!(outcome, Ok(3));

        let mut calls = 0;
        let work = || {
            calls += 1;
            std::future::ready(Err::<(), _>("wrong password"))
        };
        let outcome = run(&clock, "test", Profile::API, |_| false, work).await;
        assert_eq!((outcome, calls), (Err("wrong password"), 1));
        moving.abort();
    }
}
