//! A backup every 24 hours: the whole database, and a base to which changes can be added.

use super::manifest::Kind;
use super::{Backups, Order};

/// How scheduled backups are called.
const STEM: &str = "autograph_scheduled";

/// Keeps to the schedule for as long as the process lives; the first backup comes after one interval.
pub async fn keep(backups: &Backups) {
    let settings = backups.settings();
    if !settings.enabled {
        return;
    }
    loop {
        backups.clock().sleep("scheduled database backup", settings.interval).await;
        let _alone = backups.0.work.lock().await;
        // Whatever becomes of it is in the log already; the next one may succeed.
        let _ = backups.create_as(STEM, Order { copy: true, ..Order::default() }).await;
        let streams = backups.access().server().await.is_ok_and(|server| server.hindrance.is_none());
        if settings.wal_streaming && streams {
            let _ = backups.create_as(&format!("{STEM}_base"), Order { kind: Kind::Base, ..Order::default() }).await;
        }
    }
}
