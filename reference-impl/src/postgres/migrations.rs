//! The steps that lead to the schema of today, embedded in the binary. Services never take them by themselves.

use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{Connection, PgConnection};

use crate::config::Settings;

static STEPS: Migrator = sqlx::migrate!();

/// The table that records which steps were taken.
const TAKEN: &str = "_sqlx_migrations";

/// Why the schema is not where it should be.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database does not answer.
    #[error("cannot connect to the database: {0}; start it or correct POSTGRES_*")]
    Connect(#[source] sqlx::Error),
    /// A step failed.
    #[error("cannot migrate: {0}; the steps before it are done, correct the cause and run it again")]
    Step(#[source] MigrateError),
}

/// Takes all steps that were not taken yet.
pub async fn up(settings: &Settings) -> Result<(), MigrationError> {
    let mut connection = connect(settings).await?;
    STEPS.run(&mut connection).await.map_err(MigrationError::Step)
}

/// Takes the next `count` steps of those that were not taken yet.
pub async fn up_by(settings: &Settings, count: u32) -> Result<(), MigrationError> {
    let mut connection = connect(settings).await?;
    connection.ensure_migrations_table(TAKEN).await.map_err(MigrationError::Step)?;
    let taken = connection.list_applied_migrations(TAKEN).await.map_err(MigrationError::Step)?;
    let newest = taken.iter().map(|step| step.version).max().unwrap_or(0);
    let ahead = STEPS.iter().filter(|step| step.migration_type.is_up_migration() && step.version > newest);
    match ahead.take(count as usize).last() {
        Some(step) => STEPS.run_to(step.version, &mut connection).await.map_err(MigrationError::Step),
        None => Ok(()),
    }
}

/// Takes the last `count` steps back.
pub async fn down(settings: &Settings, count: u32) -> Result<(), MigrationError> {
    let mut connection = connect(settings).await?;
    let taken: Vec<i64> =
        sqlx::query_scalar("select version from _sqlx_migrations where success order by version desc")
            .fetch_all(&mut connection)
            .await
            .map_err(|fault| MigrationError::Step(fault.into()))?;
    let target = taken.get(count as usize).copied().unwrap_or(0);
    STEPS.undo(&mut connection, target).await.map_err(MigrationError::Step)
}

/// Without the limit that requests have: an index over a large table takes its time.
async fn connect(settings: &Settings) -> Result<PgConnection, MigrationError> {
    PgConnection::connect_with(&super::place(&settings.postgres)).await.map_err(MigrationError::Connect)
}
