//! Waits for work to end, but no longer than a limit that may move on meanwhile.

use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What the work came to; nothing where its time was up first. The limit counts from now, and is asked for anew when it
/// is reached.
pub(super) async fn in_time<T>(work: impl Future<Output = T>, limit: impl Fn() -> Duration) -> Option<T> {
    let (began, mut work) = (Instant::now(), pin!(work));
    let mut within = limit();
    loop {
        if let Ok(ended) = timeout_at(began + within, &mut work).await {
            return Some(ended);
        }
        let now = limit();
        if now <= within {
            return None;
        }
        within = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[tokio::test]
    async fn work_that_hangs_is_left_when_its_time_is_up() {
        let began = Instant::now();
        assert_eq!(in_time(std::future::pending::<()>(), || Duration::from_millis(50)).await, None);
        assert!(began.elapsed() >= Duration::from_millis(50));
    }

    #[tokio::test]
    async fn a_limit_that_moves_on_is_kept_to() {
        let limit = AtomicU64::new(50);
        let work = async {
            limit.store(60_000, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        assert_eq!(in_time(work, || Duration::from_millis(limit.load(Ordering::Relaxed))).await, Some(()));
    }
}
