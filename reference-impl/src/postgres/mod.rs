//! Connections to PostgreSQL: the pool, the first greeting, the migrations.

mod database;
mod executor;
pub mod migrations;
pub mod missing_index;
pub mod query_history;
pub mod query_plan;
pub mod query_stats;
pub mod slow_queries;

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tracing::info;

use crate::config::{self, Settings};
use crate::retry::Profile;
use crate::startup::Context;
use database::Limits;
pub use database::{Borrowed, Database};

/// A connection is replaced after this long.
const LONGEST_LIFE: Duration = Duration::from_secs(3600);

/// The connections of a service, none of which is made before it is needed: a service lives without its database.
///
/// From here on each statement of this process is timed.
pub fn pool(context: &Context) -> Database {
    let postgres = &context.settings.postgres;
    context.statements.attach(context);
    let limits = Limits {
        permanent: postgres.pool_size,
        overflow: postgres.pool_overflow,
        wait: postgres.pool_wait,
        longest_life: LONGEST_LIFE,
    };
    let options = options(&context.settings).application_name(context.service.name());
    let database = Database::new(options, limits, Profile::database(&context.settings), context.clock.clone());
    tokio::spawn(greet(database.clone()));
    database
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
async fn greet(database: Database) {
    // What became of it otherwise is in the log already; requests connect by themselves.
    if database.acquire().await.is_ok() {
        info!("Database answers");
    }
}
