//! The plan of a statement, fetched on a connection of its own.
//!
//! A statement's parameters are not known here, and need not be: it is prepared, and the plan that serves any
//! values is explained.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, PgPool};
use tokio::time::timeout;

use super::missing_index::{self, Scan};
use crate::config::Settings;

/// Longer than this nobody waits for a plan.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the database would do for a statement.
pub struct Plan {
    /// Its lines.
    pub text: String,
    /// The index it could have used, if there were one: `users(email)`.
    pub missing_index: Option<String>,
}

/// Few connections, which go when idle, and whose own statements are not told to anyone.
pub fn pool(settings: &Settings) -> PgPool {
    let options = super::options(settings)
        .application_name("autograph-plans")
        .statement_cache_capacity(0)
        .disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(PATIENCE)
        .idle_timeout(Duration::from_secs(30))
        .connect_lazy_with(options)
}

/// The plan of `statement`.
pub async fn explain(pool: &PgPool, statement: &str) -> Result<Plan, sqlx::Error> {
    let work = async {
        let mut transaction = pool.begin().await?;
        let plan = explain_within(&mut transaction, statement).await;
        transaction.rollback().await?;
        plan
    };
    timeout(PATIENCE, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// Read only, so that not even a statement of an unforeseen shape could change anything.
///
/// A prepared statement outlives a rollback, hence the clean-up first; a lock on the table must not keep us.
const SETTING: &str = "
    set transaction read only;
    deallocate all;
    set local lock_timeout = '2s';
    set local plan_cache_mode = force_generic_plan;
";

async fn explain_within(connection: &mut PgConnection, statement: &str) -> Result<Plan, sqlx::Error> {
    sqlx::raw_sql(SETTING).execute(&mut *connection).await?;
    // The text is that of a statement of this program, which has just been run as it is.
    sqlx::raw_sql(AssertSqlSafe(format!("prepare watched as {statement}"))).execute(&mut *connection).await?;
    let parameters: i32 =
        scalar(connection, "select cardinality(parameter_types) from pg_prepared_statements where name = 'watched'")
            .await?;
    let call = match parameters {
        0 => "explain execute watched".to_owned(),
        many => {
            let nulls = vec!["null"; usize::try_from(many).unwrap_or(0)].join(", ");
            format!("explain execute watched({nulls})")
        }
    };
    let lines: Vec<String> = sqlx::raw_sql(AssertSqlSafe(call))
        .fetch_all(&mut *connection)
        .await?
        .iter()
        .map(|row| sqlx::Row::try_get(row, 0))
        .collect::<Result<_, _>>()?;
    let missing_index = first_missing(connection, &lines).await?;
    Ok(Plan { text: lines.join("\n"), missing_index })
}

/// The first scan that reads a whole table for want of an index.
///
/// On a small table the planner reads it all although there is an index; that one is not missing.
async fn first_missing(connection: &mut PgConnection, lines: &[String]) -> Result<Option<String>, sqlx::Error> {
    for scan in missing_index::scans(lines) {
        if !has_index(connection, &scan).await? {
            return Ok(Some(scan.to_string()));
        }
    }
    Ok(None)
}

async fn has_index(connection: &mut PgConnection, scan: &Scan) -> Result<bool, sqlx::Error> {
    // An index helps when the column it begins with is among those compared.
    sqlx::query_scalar(
        "select exists (
             select from pg_index i
             join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
             where i.indrelid = to_regclass($1) and i.indisvalid and a.attname = any($2)
         )",
    )
    .bind(&scan.table)
    .bind(&scan.columns)
    .fetch_one(connection)
    .await
}

async fn scalar(connection: &mut PgConnection, query: &'static str) -> Result<i32, sqlx::Error> {
    let row = sqlx::raw_sql(query).fetch_one(connection).await?;
    sqlx::Row::try_get(&row, 0)
}
