//! Puts a dump in the place of a database: into a new one beside it first, so that a restore that fails changes nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::Backups;
use super::child::{arguments, run};
use super::error::BackupError;
use super::manifest::Format;
use super::server::{Access, Server};
use super::tables;

/// Whoever restores on this server holds this lock, so that nobody else does meanwhile.
const LOCK: i64 = 0x6175_746f_6772_6170;
/// How long connections to a database may take to end.
const FAREWELL: Duration = Duration::from_secs(10);
/// SQLSTATE of a database that is not there.
const NO_DATABASE: &str = "3D000";

impl Backups {
    /// Refuses to go on where the database holds rows and nobody said that they may go.
    pub(super) async fn must_be_replaceable(&self, clean: bool) -> Result<(), BackupError> {
        if clean {
            return Ok(());
        }
        let access = self.access();
        let mut connection = match access.connect(access.database()).await {
            Err(BackupError::Database { source: sqlx::Error::Database(refusal), .. })
                if refusal.code().as_deref() == Some(NO_DATABASE) =>
            {
                return Ok(());
            }
            other => other?,
        };
        match tables::with_a_row(&mut connection).await? {
            None => Ok(()),
            Some(table) => Err(BackupError::Refused(format!(
                "{table} holds rows that would be lost; say clean=true if they may go"
            ))),
        }
    }

    /// Makes the database anew from a dump and puts it in the place of the old one.
    pub(super) async fn replace_database(&self, dump: &Path, format: Format) -> Result<(), BackupError> {
        let access = self.access();
        let mut connection = access.maintenance().await?;
        let server = Server::ask(&mut connection).await?;
        lock(&mut connection).await?;
        let (new, old) = (format!("{}__restored", access.database()), format!("{}__replaced", access.database()));
        // What an earlier restore that was cut short has left: the lock says that nobody uses it.
        for leftover in [&new, &old] {
            drop_database(&mut connection, leftover).await?;
        }
        create_like(&mut connection, &new, access.database()).await?;
        let filled = self.fill(access, &server, &new, dump, format).await;
        let swapped = match filled {
            Ok(()) => swap(&mut connection, access.database(), &new, &old).await,
            failed => failed,
        };
        for leftover in [&new, &old] {
            if swapped.is_err() || leftover == &old {
                drop_database(&mut connection, leftover).await?;
            }
        }
        swapped
    }

    /// Puts what a dump holds into a database that is empty.
    pub(super) async fn fill(
        &self,
        access: &Access,
        server: &Server,
        database: &str,
        dump: &Path,
        format: Format,
    ) -> Result<(), BackupError> {
        let environment = access.environment();
        if format == Format::Plain {
            let program = self.tools().program("psql", server.major).await?;
            let mut given = arguments([&"--no-psqlrc", &"--quiet", &"--single-transaction", &"--no-password"]);
            given.extend(arguments([&"--set=ON_ERROR_STOP=1", &"--dbname", &database, &"--file", &dump]));
            run("psql", &program, given, &environment).await?;
        } else {
            let program = self.tools().program("pg_restore", server.major).await?;
            let given = arguments([&"--exit-on-error", &"--no-password", &"--dbname", &database, &dump]);
            run("pg_restore", &program, given, &environment).await?;
        }
        let mut connection = access.connect(database).await?;
        // The planner knows nothing of rows that came from a dump.
        sqlx::raw_sql("analyze").execute(&mut connection).await.map_err(BackupError::database("analyse the tables"))?;
        let _ = connection.close().await;
        Ok(())
    }
}

async fn lock(connection: &mut PgConnection) -> Result<(), BackupError> {
    let free: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(connection)
        .await
        .map_err(BackupError::database("lock the server for a restore"))?;
    let busy = "another restore is under way on this server, try again when it is done";
    if free { Ok(()) } else { Err(BackupError::Refused(busy.to_owned())) }
}

async fn execute(connection: &mut PgConnection, doing: &'static str, statement: String) -> Result<(), BackupError> {
    // Every name in a statement is quoted.
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(drop).map_err(BackupError::database(doing))
}

/// Drops a database, whoever is connected to it; nothing if it is not there.
pub(super) async fn drop_database(connection: &mut PgConnection, name: &str) -> Result<(), BackupError> {
    let statement = format!("drop database if exists {} with (force)", quoted(name));
    execute(connection, "drop a database", statement).await
}

/// Makes an empty database that sorts and encodes as another does, if that one is there.
pub(super) async fn create_like(connection: &mut PgConnection, name: &str, like: &str) -> Result<(), BackupError> {
    let about: Option<(String, String, String)> = sqlx::query_as(
        "select pg_encoding_to_char(encoding), datcollate, datctype from pg_database where datname = $1",
    )
    .bind(like)
    .fetch_optional(&mut *connection)
    .await
    .map_err(BackupError::database("look at the database"))?;
    let about = about.map_or_else(String::new, |(encoding, collate, kind)| {
        let [encoding, collate, kind] = [encoding, collate, kind].map(|text| text.replace('\'', "''"));
        format!(" encoding '{encoding}' lc_collate '{collate}' lc_ctype '{kind}'")
    });
    execute(connection, "make a database", format!("create database {} template template0{about}", quoted(name))).await
}

/// Gives the new database the name of the live one. Whoever was connected to the old one connects anew.
async fn swap(connection: &mut PgConnection, live: &str, new: &str, old: &str) -> Result<(), BackupError> {
    let there: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(live)
        .fetch_one(&mut *connection)
        .await
        .map_err(BackupError::database("look for the database"))?;
    if there {
        set_aside(connection, live, old).await?;
    }
    let (live, new, old) = (quoted(live), quoted(new), quoted(old));
    let renamed =
        execute(connection, "rename the new database", format!("alter database {new} rename to {live}")).await;
    if renamed.is_err() && there {
        let back = format!("alter database {old} rename to {live}; alter database {live} allow_connections true");
        execute(connection, "put the old database back", back).await?;
    }
    renamed
}

/// Renames the live database once nobody is connected to it any more.
async fn set_aside(connection: &mut PgConnection, live: &str, old: &str) -> Result<(), BackupError> {
    let name = quoted(live);
    // From here on nobody gets in, so that those who are sent away stay away.
    execute(connection, "close the database", format!("alter database {name} allow_connections false")).await?;
    let deadline = Instant::now() + FAREWELL;
    loop {
        let gone = sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1").bind(live);
        gone.execute(&mut *connection).await.map_err(BackupError::database("end the connections to the database"))?;
        let statement = format!("alter database {name} rename to {}", quoted(old));
        match execute(connection, "set the old database aside", statement).await {
            Ok(()) => return Ok(()),
            Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => {
                let open = format!("alter database {name} allow_connections true");
                execute(connection, "open the database again", open).await?;
                return Err(error);
            }
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_cannot_end_its_quotes() {
        assert_eq!(super::quoted(r#"a"; drop"#), r#""a""; drop""#);
    }
}
