//! The database as a whole: lost on purpose, as nobody would do it to one that matters.

use super::sql::options;
use crate::check::{CannotLook, Case, Live, Stop};
use crate::target::Need;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::sync::Arc;

/// The database that is always there.
const MAINTENANCE: &str = "postgres";

impl Case {
    /// Drops the target's database, whoever is connected to it, and makes an empty one of the same name.
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
            work.await.map_err(|error: sqlx::Error| CannotLook::new("sql", error))?;
            Ok(json!("dropped and made anew"))
        })
        .await?;
        Ok(())
    }
}
