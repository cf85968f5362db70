//! The database as a whole: lost on purpose, as nobody would do it to one that matters.

use super::kept_database;
use super::refused::within;
use super::sql::{options, pool};
use crate::check::{Case, Live, Seen, Stop};
use crate::target::{Need, Power};
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use std::sync::Arc;
use std::time::Duration;

/// The database that is always there.
pub(super) const MAINTENANCE: &str = "postgres";
/// How long a connection may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

impl Case {
    /// Drops the target's database, whoever is connected to it, and makes an empty one of the same name. On somebody else's
    /// system it is put aside, until [`Case::bring_database_back`].
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access, or the target may not be disturbed; [`Stop::CannotLook`] where the
    /// database cannot be dropped or made.
    pub async fn drop_database(&mut self) -> Result<(), Stop> {
        self.needs(Need::Sql)?;
        self.needs(Need::Disposable)?;
        self.observe("sql", json!("the database is dropped, and an empty one made"), async |live: Arc<Live>| {
            // Connections to what is gone are of no use to anybody.
            live.sql.lock().expect("nothing panics while it holds this lock").take();
            if !live.target.ours {
                kept_database::put_aside(&live).await?;
                return Ok(json!("put aside, and an empty one made in its place"));
            }
            let options: PgConnectOptions = options(&live)?;
            let name = options.get_database().unwrap_or_default().replace('"', "\"\"");
            let work = async {
                let mut connection = PgConnection::connect_with(&options.database(MAINTENANCE)).await?;
                for statement in [
                    format!("drop database \"{name}\" with (force)"),
                    format!("create database \"{name}\" template template0"),
                ] {
                    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
                }
                connection.close().await
            };
            within(live.patience.statement(), work).await?;
            Ok(json!("dropped and made anew"))
        })
        .await?;
        Ok(())
    }

    /// Has somebody else's database as it was before it was dropped, whatever became of it since. Nothing on a system of the
    /// harness's own, which is thrown away.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where it cannot be brought back.
    pub async fn bring_database_back(&mut self) -> Result<(), Stop> {
        if self.can(Need::Power(Power::Configure)) {
            return Ok(());
        }
        self.observe("sql", json!("the database is brought back"), async |live: Arc<Live>| {
            if kept_database::is_aside(&live) {
                kept_database::bring_back(&live).await?;
            }
            Ok(json!("as it was before it was dropped"))
        })
        .await?;
        Ok(())
    }

    /// What tables hold, in their order: `/0/rows`, and in `/0/mark` a mark that changes with any value in any row;
    /// both `null` for a table that is not there.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access; [`Stop::CannotLook`] where a table cannot be read.
    pub async fn contents_of(&mut self, tables: &[&'static str]) -> Result<Seen, Stop> {
        self.needs(Need::Sql)?;
        let tables = tables.to_vec();
        self.observe("sql", json!({"contents of": tables}), async |live: Arc<Live>| {
            let pool = pool(&live)?;
            let mut all = Vec::new();
            for table in tables {
                let there = sqlx::query_scalar("select to_regclass($1) is not null").bind(table).fetch_one(&pool);
                let contents = match within(live.patience.rows(), there).await? {
                    true => within(live.patience.statement(), mark(&pool, table)).await?,
                    false => (None, None),
                };
                all.push(json!({"table": table, "rows": contents.0, "mark": contents.1}));
            }
            Ok(json!(all))
        })
        .await
    }

    /// Whether the target's database server takes a connection, asked once: `/answers`.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub async fn database_answers(&mut self) -> Result<Seen, Stop> {
        self.needs(Need::Sql)?;
        let asked = json!("whether the database server takes a connection");
        let seen = self.observe("sql", asked, async |live: Arc<Live>| {
            let connected =
                within(PATIENCE.min(live.patience.rows()), PgConnection::connect_with(&options(&live)?)).await;
            Ok(json!({"answers": connected.is_ok()}))
        });
        Ok(seen.await?.at("/answers"))
    }
}

async fn mark(pool: &PgPool, table: &str) -> Result<(Option<i64>, Option<String>), sqlx::Error> {
    // Names of tables are constants of the suite.
    let query = format!("select count(*), md5(string_agg(t::text, '|' order by t::text)) from {table} t");
    sqlx::query_as(AssertSqlSafe(query)).fetch_one(pool).await
}
