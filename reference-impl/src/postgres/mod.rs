//! Connections to PostgreSQL: the pool, the first greeting, the migrations.

pub mod migrations;
pub mod missing_index;
pub mod query_history;
pub mod query_plan;
pub mod query_stats;
pub mod slow_queries;

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use tracing::info;

use crate::config::{self, Settings};
use crate::retry::{self, Profile};
use crate::startup::Context;

/// How long a request waits for a connection when all are taken.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection is replaced after this long.
const LONGEST_LIFE: Duration = Duration::from_secs(3600);

/// A pool that connects when first asked, so that a service lives without its database.
///
/// From here on each statement of this process is timed.
pub fn pool(context: &Context) -> PgPool {
    let settings = &context.settings;
    context.statements.attach(context);
    let pool = PgPoolOptions::new()
        .max_connections(settings.postgres.pool_size + settings.postgres.pool_overflow)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(true)
        .max_lifetime(LONGEST_LIFE)
        .connect_lazy_with(options(settings).application_name(context.service.name()));
    tokio::spawn(greet(context.clone()));
    pool
}

/// How to reach the database. No statement may outlive the request that it serves.
pub fn options(settings: &Settings) -> PgConnectOptions {
    let limit = settings.request_timeout.as_millis().max(1).to_string();
    place(&settings.postgres).options([("statement_timeout", limit)])
}

/// Where the database is, and who asks; statements may take as long as they need.
pub fn place(postgres: &config::Postgres) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host(&postgres.host)
        .port(postgres.port)
        .database(&postgres.database)
        .username(&postgres.user)
        .password(postgres.password.reveal())
}

/// Looks once at the start whether the database is there, and says so; it may come up a little later.
async fn greet(context: Context) {
    let options = options(&context.settings);
    let connect = || PgConnection::connect_with(&options);
    let connected =
        retry::run(&context.clock, "connection to the database", Profile::DATABASE, may_pass, connect).await;
    // What became of it is in the log already; requests connect by themselves.
    if let Ok(connection) = connected {
        let _ = connection.close().await;
        info!("Database answers");
    }
}

/// Whether a fault to connect may be gone in a moment.
fn may_pass(fault: &sqlx::Error) -> bool {
    const STARTING_UP: &str = "57P03";
    match fault {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(refusal) => refusal.code().as_deref() == Some(STARTING_UP),
        _ => false,
    }
}
