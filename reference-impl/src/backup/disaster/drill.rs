//! A disaster, rehearsed: everything is recovered beside the live system, measured, and taken away again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::Connection;

use super::super::Backups;
use super::super::catalogue::Entry;
use super::super::error::BackupError;
use super::super::recovery::{Recovered, Scratch, Until};
use super::super::server::Access;
use super::super::swap::{create_like, drop_database};
use super::super::tables::{self, Rows};
use super::findings::{self, Live, Source};
use super::recovered_service::RecoveredService;
use super::report::{Done, Log, Metrics, Simulation, Status, rounded};
use crate::config;
use crate::telemetry::json_log::timestamp;

/// A disaster that can be rehearsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Everything is lost but the backups.
    CompleteFailure,
    /// The database holds nonsense.
    DatabaseCorruption,
    /// The object store is lost.
    StorageLoss,
}

impl Scenario {
    /// Every one of them.
    pub const ALL: [Scenario; 3] = [Scenario::CompleteFailure, Scenario::DatabaseCorruption, Scenario::StorageLoss];

    /// Its word in a request.
    pub fn word(self) -> &'static str {
        match self {
            Scenario::CompleteFailure => "complete_failure",
            Scenario::DatabaseCorruption => "database_corruption",
            Scenario::StorageLoss => "storage_loss",
        }
    }
}

/// The database of the drill while it is looked at: in a server of its own, or beside the live one.
enum Rehearsed {
    Server(Box<Recovered>),
    Database(Access),
}

/// What lies ready for the restore.
enum Ground {
    Server(Box<Scratch>, Until),
    Database(Box<Access>, Box<Entry>),
}

const WITHOUT: &str = "an earlier step left nothing to do";

/// Rehearses a scenario, whatever comes of it; what went wrong is in the report.
pub async fn rehearse(backups: &Backups, scenario: Scenario) -> Simulation {
    let (start_time, began) = (timestamp(backups.clock()), Instant::now());
    let mut log = Log::default();
    let outcome = match scenario {
        Scenario::CompleteFailure => database(backups, &mut log, true).await,
        Scenario::DatabaseCorruption => database(backups, &mut log, false).await,
        Scenario::StorageLoss => storage(&mut log).await,
    };
    let total = began.elapsed().as_secs_f64();
    Simulation {
        scenario: scenario.word(),
        start_time,
        metrics: outcome.judge(backups.settings(), &log),
        steps: log.into_steps(),
        end_time: timestamp(backups.clock()),
        total_duration_seconds: rounded(total),
        total_duration_minutes: rounded(total / 60.0),
    }
}

/// What was measured.
#[derive(Default)]
struct Outcome {
    /// From the beginning of the recovery until the data were served again.
    recovery: Option<Duration>,
    /// Between the last change and the last that came back.
    loss: Option<Duration>,
}

impl Outcome {
    /// A target is met by something that was done and measured, never by nothing.
    fn judge(&self, targets: &config::Backup, log: &Log) -> Metrics {
        let minutes = |duration: Duration| duration.as_secs_f64() / 60.0;
        let (recovery, loss) = (self.recovery.map(minutes), self.loss.map(minutes));
        let (successful, failed) = (log.count(Status::Completed), log.count(Status::Failed));
        let met =
            |value: Option<f64>, target: u32| failed == 0 && value.is_some_and(|value| value <= f64::from(target));
        Metrics {
            rto_target_minutes: targets.rto_minutes,
            actual_recovery_minutes: recovery.map(rounded),
            rto_met: met(recovery, targets.rto_minutes),
            rpo_target_minutes: targets.rpo_minutes,
            estimated_data_loss_minutes: loss.map(rounded),
            rpo_met: met(loss, targets.rpo_minutes),
            total_steps: successful + failed + log.count(Status::Skipped),
            successful_steps: successful,
            failed_steps: failed,
        }
    }
}

/// The loss of the database, and with `everything` that of the services and the store, too.
async fn database(backups: &Backups, log: &mut Log, everything: bool) -> Outcome {
    let live = log.step("Assess the state before the disaster", findings::live(backups)).await;
    let source = log.step("Find the newest backups", findings::newest(backups)).await;
    let began = Instant::now();
    let ground = match source {
        Some(source) => log.step("Prepare the infrastructure", prepare(backups, source)).await,
        None => {
            log.skip("Prepare the infrastructure", WITHOUT);
            None
        }
    };
    let restored = match ground {
        Some(ground) => log.step("Restore the database", restore(backups, ground, live.as_ref())).await,
        None => {
            log.skip("Restore the database", WITHOUT);
            None
        }
    };
    if everything {
        log.skip("Restore the buckets", "there are no backups of buckets");
    }
    let Some((rehearsed, loss)) = restored else {
        log.skip("Start the services", WITHOUT);
        log.skip("Check that the data are served", WITHOUT);
        return Outcome::default();
    };
    let access = rehearsed.access();
    let service = log.step("Start the services", start(access)).await;
    let mut recovery = None;
    match &service {
        Some(service) => {
            if log.step("Check that the data are served", serve(service, access)).await.is_some() {
                recovery = Some(began.elapsed());
            }
        }
        None => log.skip("Check that the data are served", WITHOUT),
    }
    drop(service);
    if let Err(error) = rehearsed.end(backups).await {
        tracing::warn!(error = %error, "What the drill had made cannot be removed");
    }
    Outcome { recovery, loss }
}

/// The loss of the store.
async fn storage(log: &mut Log) -> Outcome {
    log.skip("Find the newest backups of buckets", "there are no backups of buckets");
    log.skip("Restore the buckets", WITHOUT);
    Outcome::default()
}

async fn prepare(backups: &Backups, source: Source) -> Result<Done<Ground>, BackupError> {
    match source {
        Source::Base => {
            // What has not arrived by now would be lost: the live server is not asked for it.
            let chain = backups.chain_as_it_is().await?;
            let (until, files) = (chain.until, chain.log.len());
            let scratch = backups.prepare(chain).await?;
            let details = json!({ "infrastructure": "a server of its own", "files_of_the_log": files });
            Ok(Done::With(Ground::Server(Box::new(scratch), until), details))
        }
        Source::Dump(dump) => {
            let access = backups.access();
            let name = drill_database(access);
            let mut connection = access.maintenance().await?;
            drop_database(&mut connection, &name).await?;
            create_like(&mut connection, &name, access.database()).await?;
            let _ = connection.close().await;
            let beside = Access(config::Postgres { database: name.clone(), ..access.0.clone() });
            let details = json!({ "infrastructure": "a database beside the live one", "database": name });
            Ok(Done::With(Ground::Database(Box::new(beside), dump), details))
        }
    }
}

async fn restore(
    backups: &Backups,
    ground: Ground,
    live: Option<&Live>,
) -> Result<Done<(Rehearsed, Option<Duration>)>, BackupError> {
    let (rehearsed, kept_until, wanted) = match ground {
        Ground::Server(scratch, until) => {
            let recovered = scratch.recover(until).await?;
            let last_change = recovered.last_change;
            (Rehearsed::Server(Box::new(recovered)), last_change, None)
        }
        Ground::Database(access, dump) => {
            let server = access.server().await?;
            let format = dump.format.unwrap_or_default();
            backups.fill(&access, &server, access.database(), &dump.path, format).await?;
            let kept_until = dump.manifest.as_ref().map(|manifest| manifest.holds_until);
            (Rehearsed::Database(*access), kept_until, dump.manifest.map(|manifest| manifest.rows))
        }
    };
    let access = rehearsed.access();
    let mut connection = access.connect(access.database()).await?;
    let rows = tables::count(&mut connection).await?;
    let _ = connection.close().await;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != rows) {
        return Err(BackupError::Refused(format!("rows are missing or too many: {}", difference(&wanted, &rows))));
    }
    let loss = live.and_then(|live| {
        let gone = kept_until.map(|kept| (live.moment - kept).to_std().unwrap_or_default());
        // What is recovered to the very end has lost what had not arrived when the disaster came.
        if gone == Some(Duration::ZERO) { live.lag.or(gone) } else { gone }
    });
    let details = json!({
        "tables": rows.len(),
        "rows": rows.values().sum::<i64>(),
        "rows_before_the_disaster": live.map(|live| live.rows.values().sum::<i64>()),
        "last_change": kept_until,
    });
    Ok(Done::With((rehearsed, loss), details))
}

fn difference(wanted: &Rows, found: &Rows) -> Value {
    let all = wanted.keys().chain(found.keys());
    let differ = all.filter(|table| wanted.get(*table) != found.get(*table));
    differ.map(|table| (table.clone(), json!([wanted.get(table), found.get(table)]))).collect()
}

async fn start(access: &Access) -> Result<Done<RecoveredService>, BackupError> {
    let service = RecoveredService::start(access).await?;
    Ok(Done::With(service, json!({ "service": "diagram-service" })))
}

async fn serve(service: &RecoveredService, access: &Access) -> Result<Done<()>, BackupError> {
    let diagrams = service.serves(access).await?;
    Ok(Done::With((), json!({ "diagrams_of_one_user": diagrams })))
}

/// The database of a drill that has no server of its own; one drill at a time.
fn drill_database(access: &Access) -> String {
    format!("{}__drill", access.database())
}

impl Rehearsed {
    fn access(&self) -> &Access {
        match self {
            Rehearsed::Server(recovered) => &recovered.access,
            Rehearsed::Database(access) => access,
        }
    }

    /// Takes away what the drill has made.
    async fn end(self, backups: &Backups) -> Result<(), BackupError> {
        match self {
            Rehearsed::Server(recovered) => {
                recovered.end().await;
                Ok(())
            }
            Rehearsed::Database(access) => {
                let mut connection = backups.access().maintenance().await?;
                drop_database(&mut connection, access.database()).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_done_meets_no_target() {
        let settings = crate::config::Settings::read(|_| None).unwrap().backup;
        let metrics = Outcome::default().judge(&settings, &Log::default());
        assert!(!metrics.rto_met && !metrics.rpo_met);
        let quick = Outcome { recovery: Some(Duration::from_secs(9)), loss: Some(Duration::from_secs(1)) };
        assert!(quick.judge(&settings, &Log::default()).rto_met);
        let late = Outcome { recovery: Some(Duration::from_secs(3601)), loss: Some(Duration::from_secs(301)) };
        let metrics = late.judge(&settings, &Log::default());
        assert!(!metrics.rto_met && !metrics.rpo_met);
    }
}
