//! CPU time that was really used, as the kernel counts it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Of all threads of this process so far.
pub fn of_process() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// Of this thread so far.
pub fn of_thread() -> Duration {
    read(ClockId::ThreadCPUTime)
}

/// What `work` returns, and the CPU time that it took on this thread.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = of_thread();
    let done = work();
    (done, of_thread().saturating_sub(before))
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Runs a future and hands the CPU time of each of its turns to `spend`.
pub struct Metered<F, S> {
    work: Pin<Box<F>>,
    spend: S,
}

impl<F, S> Metered<F, S> {
    /// Measures from here on.
    pub fn new(work: F, spend: S) -> Metered<F, S> {
        Metered { work: Box::pin(work), spend }
    }
}

impl<F: Future, S: FnMut(Duration) + Unpin> Future for Metered<F, S> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let (turn, took) = measured(|| self.work.as_mut().poll(context));
        (self.spend)(took);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleep_costs_nothing_and_work_does() {
        let mut spent = Duration::ZERO;
        let work = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            let before = of_thread();
            while of_thread() < before + Duration::from_millis(5) {}
        };
        Metered::new(work, |took| spent += took).await;
        assert!(spent >= Duration::from_millis(5) && spent < Duration::from_millis(30), "{spent:?}");
        assert!(of_process() >= spent);
    }
}
