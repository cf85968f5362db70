//! Stops calling a back end that keeps failing, and tries it again after a while (feature 17).

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Clock;

/// When a breaker opens, for how long, and what closes it again.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Consecutive failures that open a closed breaker.
    pub failure_threshold: u32,
    /// How long an open breaker refuses everything, counted from the last failure.
    pub open_for: Duration,
    /// Successes that close a half-open breaker.
    pub success_threshold: u32,
}

/// What a breaker does with the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Lets every call through.
    Closed,
    /// Refuses every call.
    Open,
    /// Lets one call at a time through, to see whether the back end has recovered.
    HalfOpen,
}

impl State {
    /// The word that health reports and log lines use.
    pub fn name(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half_open",
        }
    }

    /// The number that the state gauge shows.
    pub fn gauge(self) -> u8 {
        match self {
            State::Closed => 0,
            State::Open => 1,
            State::HalfOpen => 2,
        }
    }
}

/// Hears of what happens to a breaker, so that metrics follow without being asked.
pub trait Observer: Send + Sync {
    /// The breaker is now in this state.
    fn state_is(&self, state: State);
    /// A call through the breaker failed.
    fn call_failed(&self);
}

/// The breaker of one back end.
pub struct CircuitBreaker {
    limits: Limits,
    clock: Clock,
    observer: Box<dyn Observer>,
    history: Mutex<History>,
}

#[derive(Clone, Debug)]
struct History {
    state: State,
    failures: u32,
    successes: u32,
    trial_under_way: bool,
    last_failure: Option<(Duration, DateTime<Utc>)>,
    // Grows with every change of state; a call that began in an earlier one no longer decides.
    era: u64,
}

/// What a breaker looks like at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What it does with the next call.
    pub state: State,
    /// Consecutive failures; kept while open and half open.
    pub failures: u32,
    /// Successes since it became half open.
    pub successes: u32,
    /// When the last failure was, by the wall clock.
    pub last_failure: Option<DateTime<Utc>>,
}

/// The breaker refuses this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("circuit breaker open; wait until the back end has recovered and try again")]
pub struct Refused;

/// A call that a breaker let through; tell it how the call ended.
///
/// Dropped without a word (the client went away), it counts as neither success nor failure.
pub struct Call {
    breaker: Arc<CircuitBreaker>,
    era: u64,
    settled: bool,
}

impl CircuitBreaker {
    /// A closed breaker.
    pub fn new(limits: Limits, clock: Clock, observer: Box<dyn Observer>) -> Arc<CircuitBreaker> {
        observer.state_is(State::Closed);
        Arc::new(CircuitBreaker {
            limits,
            clock,
            observer,
            history: Mutex::new(History {
                state: State::Closed,
                failures: 0,
                successes: 0,
                trial_under_way: false,
                last_failure: None,
                era: 0,
            }),
        })
    }

    /// Lets a call through, or refuses it at once.
    pub fn admit(self: &Arc<Self>) -> Result<Call, Refused> {
        let mut history = self.history();
        if history.state == State::Open && self.has_rested(&history) {
            self.enter(&mut history, State::HalfOpen);
        }
        match history.state {
            State::Open => return Err(Refused),
            State::HalfOpen if history.trial_under_way => return Err(Refused),
            State::HalfOpen => history.trial_under_way = true,
            State::Closed => {}
        }
        Ok(Call { breaker: Arc::clone(self), era: history.era, settled: false })
    }

    /// How the breaker stands.
    pub fn snapshot(&self) -> Snapshot {
        let history = self.history();
        Snapshot {
            state: history.state,
            failures: history.failures,
            successes: history.successes,
            last_failure: history.last_failure.map(|(_, at)| at),
        }
    }

    /// The limits it was made with.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    fn has_rested(&self, history: &History) -> bool {
        history.last_failure.is_none_or(|(at, _)| self.clock.monotonic().saturating_sub(at) >= self.limits.open_for)
    }

    fn record_success(&self, era: u64) {
        let mut history = self.history();
        if history.era != era {
            return;
        }
        match history.state {
            State::Closed => history.failures = 0,
            State::HalfOpen => {
                history.trial_under_way = false;
                history.successes += 1;
                if history.successes >= self.limits.success_threshold {
                    self.enter(&mut history, State::Closed);
                }
            }
            State::Open => {}
        }
    }

    fn record_failure(&self, era: u64) {
        self.observer.call_failed();
        let mut history = self.history();
        let ours = history.era == era;
        // A straggler that fails while the breaker is open prolongs the rest; elsewhere it is old news.
        if !ours && history.state != State::Open {
            return;
        }
        history.last_failure = Some((self.clock.monotonic(), self.clock.now()));
        match history.state {
            State::Closed => {
                history.failures += 1;
                if history.failures >= self.limits.failure_threshold {
                    self.enter(&mut history, State::Open);
                }
            }
            State::HalfOpen => self.enter(&mut history, State::Open),
            State::Open => {}
        }
    }

    fn abandon(&self, era: u64) {
        let mut history = self.history();
        if history.era == era {
            history.trial_under_way = false;
        }
    }

    fn enter(&self, history: &mut History, state: State) {
        history.state = state;
        history.successes = 0;
        history.trial_under_way = false;
        history.era += 1;
        if state == State::Closed {
            history.failures = 0;
        }
        self.observer.state_is(state);
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().expect("no code panics while it holds the breaker's history")
    }
}

impl Call {
    /// The back end answered, with whatever status.
    pub fn succeeded(mut self) {
        self.settled = true;
        self.breaker.record_success(self.era);
    }

    /// The back end could not be reached, broke off, or took too long.
    pub fn failed(mut self) {
        self.settled = true;
        self.breaker.record_failure(self.era);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.settled {
            self.breaker.abandon(self.era);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Deaf;
    impl Observer for Deaf {
        fn state_is(&self, _: State) {}
        fn call_failed(&self) {}
    }

    fn breaker() -> (Arc<CircuitBreaker>, Clock) {
        let clock = Clock::adjustable();
        let limits = Limits { failure_threshold: 5, open_for: Duration::from_secs(30), success_threshold: 2 };
        (CircuitBreaker::new(limits, clock.clone(), Box::new(Deaf)), clock)
    }

    fn fail(breaker: &Arc<CircuitBreaker>, times: u32) {
        for _ in 0..times {
            breaker.admit().expect("lets the call through").failed();
        }
    }

    fn succeed(breaker: &Arc<CircuitBreaker>) {
        breaker.admit().expect("lets the call through").succeeded();
    }

    #[tokio::test]
    async fn four_failures_leave_it_closed_and_the_fifth_opens_it() {
        let (breaker, _) = breaker();
        fail(&breaker, 4);
        assert_eq!(breaker.snapshot().state, State::Closed);
        fail(&breaker, 1);
        assert_eq!(breaker.snapshot().state, State::Open);
        assert!(breaker.admit().is_err());
        assert_eq!(breaker.snapshot().failures, 5);
    }

    #[tokio::test]
    async fn a_success_between_failures_starts_the_count_anew() {
        let (breaker, _) = breaker();
        fail(&breaker, 4);
        succeed(&breaker);
        fail(&breaker, 4);
        assert_eq!(breaker.snapshot().state, State::Closed);
    }

    #[tokio::test]
    async fn it_rests_for_thirty_seconds_and_then_tries_one_call_at_a_time() {
        let (breaker, clock) = breaker();
        fail(&breaker, 5);
        clock.advance(Duration::from_secs(29));
        assert!(breaker.admit().is_err());
        clock.advance(Duration::from_secs(1));
        let trial = breaker.admit().expect("lets a trial through");
        assert_eq!(breaker.snapshot().state, State::HalfOpen);
        assert!(breaker.admit().is_err());
        trial.succeeded();
        assert_eq!(breaker.snapshot().successes, 1);
        succeed(&breaker);
        assert_eq!(breaker.snapshot().state, State::Closed);
        assert_eq!(breaker.snapshot().failures, 0);
    }

    #[tokio::test]
    async fn a_failed_trial_opens_it_for_another_thirty_seconds() {
        let (breaker, clock) = breaker();
        fail(&breaker, 5);
        clock.advance(Duration::from_secs(30));
        fail(&breaker, 1);
        clock.advance(Duration::from_secs(29));
        assert!(breaker.admit().is_err());
        clock.advance(Duration::from_secs(1));
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test]
    async fn an_abandoned_trial_makes_room_for_the_next() {
        let (breaker, clock) = breaker();
        fail(&breaker, 5);
        clock.advance(Duration::from_secs(30));
        drop(breaker.admit().expect("lets a trial through"));
        assert!(breaker.admit().is_ok());
        assert_eq!(breaker.snapshot().state, State::HalfOpen);
    }

    #[tokio::test]
    async fn a_success_that_began_before_it_opened_does_not_close_it() {
        let (breaker, _) = breaker();
        let early = breaker.admit().expect("lets the call through");
        fail(&breaker, 5);
        early.succeeded();
        assert_eq!(breaker.snapshot().state, State::Open);
    }
}
