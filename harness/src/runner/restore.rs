//! Puts right what a check has left behind on somebody else's system, before the next check looks at it.

use crate::check::{LONGEST_REASON, Live};
use crate::probe::{bring_back, is_aside};
use crate::target::Service;
use std::time::Duration;

/// Half a minute after a failure a breaker lets requests through again (contract, section 2.13).
const BREAKERS_FORGET: Duration = Duration::from_secs(31);

/// Brings back the database that the check took away, starts what it stopped and did not start again, and waits until
/// nobody remembers that it was away.
///
/// # Errors
/// Names what does not come back.
pub async fn restore(live: &Live) -> Result<(), String> {
    if is_aside(live) {
        bring_back(live).await.map_err(|error| {
            live.vault.beginning(&format!("the database was put aside and is not back: {error}"), LONGEST_REASON)
        })?;
    }
    let stopped: Vec<Service> =
        live.stopped.lock().expect("nothing panics while it holds this lock").iter().copied().collect();
    let disturbed = live.disturbed.load(std::sync::atomic::Ordering::Relaxed);
    let Some(control) = live.target.control.as_ref().filter(|_| disturbed) else {
        return Ok(());
    };
    for service in stopped {
        control.start(service).await.map_err(|error| {
            let why = format!("{service} was stopped and is not back: {error}");
            live.vault.beginning(&why, LONGEST_REASON)
        })?;
        live.is_back(service).map_err(|error| error.to_string())?;
    }
    tokio::time::sleep(BREAKERS_FORGET).await;
    Ok(())
}
