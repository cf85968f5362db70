//! The tables of a database, and how many rows each has.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection};

use super::error::BackupError;

/// Rows by table.
pub type Rows = BTreeMap<String, i64>;

/// Keeps account of the migrations; it says nothing about whether there are data.
const LEDGER: &str = "public._sqlx_migrations";

/// Every table of ours, schema and name, quoted where they must be.
async fn all(connection: &mut PgConnection) -> Result<Vec<String>, BackupError> {
    sqlx::query_scalar(
        "select format('%I.%I', schemaname, tablename) from pg_tables \
         where schemaname not in ('pg_catalog', 'information_schema') order by 1",
    )
    .fetch_all(connection)
    .await
    .map_err(BackupError::database("list the tables"))
}

/// How many rows each table has.
pub async fn count(connection: &mut PgConnection) -> Result<Rows, BackupError> {
    let mut rows = Rows::new();
    for table in all(connection).await? {
        let query = AssertSqlSafe(format!("select count(*) from {table}"));
        let count = sqlx::query_scalar(query).fetch_one(&mut *connection).await;
        rows.insert(table, count.map_err(BackupError::database("count the rows"))?);
    }
    Ok(rows)
}

/// A table that has a row, if there is one.
pub async fn with_a_row(connection: &mut PgConnection) -> Result<Option<String>, BackupError> {
    for table in all(connection).await?.into_iter().filter(|table| table != LEDGER) {
        let query = AssertSqlSafe(format!("select exists (select from {table})"));
        let found = sqlx::query_scalar::<_, bool>(query).fetch_one(&mut *connection).await;
        if found.map_err(BackupError::database("look for rows"))? {
            return Ok(Some(table));
        }
    }
    Ok(None)
}
