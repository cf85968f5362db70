//! The plan for disasters: what a recovery must achieve, what there is to recover from, and drills that show it.

pub mod drill;
mod findings;
mod quarter;
mod recovered_service;
pub mod report;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Backups;
use super::catalogue::DRILLS;
use super::child::blocking;
use super::error::BackupError;
use drill::Scenario;
use report::Simulation;

/// What is kept of the last drill.
#[derive(Serialize, Deserialize)]
struct LastDrill {
    ended: DateTime<Utc>,
    report: serde_json::Value,
}

const LAST: &str = "last.json";

/// Repeats the drill on the first day of every quarter, for as long as the process lives.
pub async fn repeat(backups: &Backups) {
    if !backups.settings().drills {
        return;
    }
    loop {
        let now = backups.clock().now();
        let wait = (quarter::next(now) - now).to_std().unwrap_or_default();
        backups.clock().sleep("disaster recovery drill", wait).await;
        match simulate(backups, Scenario::CompleteFailure).await {
            Ok(drill) => tracing::info!(
                actual_recovery_minutes = drill.metrics.actual_recovery_minutes,
                rto_met = drill.metrics.rto_met,
                rpo_met = drill.metrics.rpo_met,
                "Disaster recovery drill done"
            ),
            Err(error) => tracing::error!(error = %error, "Disaster recovery drill failed"),
        }
    }
}

/// Rehearses a disaster and keeps the report. Nothing that is live is touched.
pub async fn simulate(backups: &Backups, scenario: Scenario) -> Result<Simulation, BackupError> {
    let _alone = backups.0.work.lock().await;
    let simulation = drill::rehearse(backups, scenario).await;
    if simulation.metrics.successful_steps == 0 {
        // Nothing was done, so nothing was shown.
        return Ok(simulation);
    }
    let report = serde_json::to_value(&simulation).unwrap_or_default();
    let last = LastDrill { ended: backups.clock().now(), report };
    let folder = backups.catalogue().folder_of(DRILLS)?;
    let writing = folder.clone();
    let write = move || {
        let unfinished = writing.join(format!(".{LAST}"));
        std::fs::write(&unfinished, serde_json::to_vec_pretty(&last)?)?;
        std::fs::rename(unfinished, writing.join(LAST))
    };
    blocking(write).await.map_err(BackupError::file("keep the report of the drill in", folder))?;
    Ok(simulation)
}

/// When the last drill ended, if there was one.
pub async fn last_drill(backups: &Backups) -> Result<Option<DateTime<Utc>>, BackupError> {
    let file = backups.catalogue().folder_of(DRILLS)?.join(LAST);
    match tokio::fs::read(&file).await {
        // A report that cannot be read is as good as none: the next drill writes another.
        Ok(text) => Ok(serde_json::from_slice::<LastDrill>(&text).ok().map(|last| last.ended)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BackupError::file("read", file)(error)),
    }
}

/// When the next drill is due, unless drills are off.
pub fn next_drill(backups: &Backups) -> Option<DateTime<Utc>> {
    backups.settings().drills.then(|| quarter::next(backups.clock().now()))
}
