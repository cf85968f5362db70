//! What the live system has before the disaster that is rehearsed, and what there is to recover from.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::super::Backups;
use super::super::catalogue::Entry;
use super::super::error::BackupError;
use super::super::manifest::Kind;
use super::super::tables::{self, Rows};
use super::super::wal::{SLOT, State, commit_mark};
use super::report::Done;

/// How long is watched how the last change arrives. What takes longer counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// The live database at the moment of the disaster.
pub struct Live {
    /// The moment, by the clock of the database server.
    pub moment: DateTime<Utc>,
    /// Rows of each table.
    pub rows: Rows,
    /// How long the last change took to be kept elsewhere, if it was.
    pub lag: Option<Duration>,
}

/// What there is to recover from.
pub enum Source {
    /// The newest base, and the log of changes since.
    Base,
    /// A dump.
    Dump(Box<Entry>),
}

/// Looks at the live database, and makes a last change in it whose way can be followed.
pub async fn live(backups: &Backups) -> Result<Done<Live>, BackupError> {
    let access = backups.access();
    let mut connection = access.connect(access.database()).await?;
    let rows = tables::count(&mut connection).await?;
    // Asked before the last change is made, so that whoever has the change has everything up to the moment.
    let moment: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(&mut connection)
        .await
        .map_err(BackupError::database("ask for the time"))?;
    commit_mark(&mut connection).await?;
    let changed = Instant::now();
    let position: String = sqlx::query_scalar("select pg_current_wal_insert_lsn()::text")
        .fetch_one(&mut connection)
        .await
        .map_err(BackupError::database("ask for the position"))?;
    let lag = arrival(&mut connection, &position, changed).await?;
    let _ = connection.close().await;
    let details = json!({
        "database": access.database(),
        "tables": rows.len(),
        "rows": rows.values().sum::<i64>(),
        "change_kept_after_seconds": lag.map(|lag| lag.as_secs_f64()),
    });
    Ok(Done::With(Live { moment, rows, lag }, details))
}

/// How long it takes until the position has been received; nothing if it is not, or nobody receives.
async fn arrival(
    connection: &mut PgConnection,
    position: &str,
    changed: Instant,
) -> Result<Option<Duration>, BackupError> {
    loop {
        let kept = sqlx::query_scalar(
            "select r.flush_lsn >= $2::pg_lsn from pg_replication_slots s \
             join pg_stat_replication r on r.pid = s.active_pid where s.slot_name = $1",
        );
        let kept: Option<Option<bool>> = kept
            .bind(SLOT)
            .bind(position)
            .fetch_optional(&mut *connection)
            .await
            .map_err(BackupError::database("follow the last change"))?;
        match kept {
            Some(Some(true)) => return Ok(Some(changed.elapsed())),
            None => return Ok(None),
            _ if changed.elapsed() > PATIENCE => return Ok(None),
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// The newest base while its log of changes is received, else whichever backup is newest.
pub async fn newest(backups: &Backups) -> Result<Done<Source>, BackupError> {
    let all = backups.list().await?;
    let newest = |kind: Kind| all.iter().find(|entry| entry.kind == kind);
    let (base, dump) = (newest(Kind::Base), newest(Kind::Full));
    let details = json!({ "base": base.map(shown), "full": dump.map(shown) });
    let source = match (base, dump) {
        (Some(base), Some(dump)) if !is_received(backups, base) && dump.modified > base.modified => {
            Source::Dump(Box::new(dump.clone()))
        }
        (Some(_), _) => Source::Base,
        (None, Some(dump)) => Source::Dump(Box::new(dump.clone())),
        (None, None) => return Ok(Done::Skipped("there are no backups of the database")),
    };
    Ok(Done::With(source, details))
}

/// Whether the log that goes on from a base is being received.
fn is_received(backups: &Backups, base: &Entry) -> bool {
    let span = base.manifest.as_ref().and_then(|manifest| manifest.span.as_ref());
    span.is_some_and(|span| backups.stream().state() == State::Streaming(span.log.clone()))
}

fn shown(entry: &Entry) -> Value {
    json!({ "name": entry.file, "modified": entry.modified, "size_bytes": entry.size })
}
