//! A full backup: the whole database by `pg_dump`, and how many rows it holds.

use chrono::{DateTime, Utc};
use sqlx::Connection;

use super::Backups;
use super::catalogue::Entry;
use super::child::{arguments, run};
use super::error::BackupError;
use super::manifest::{Format, Kind, Manifest};
use super::server::{Access, Server};
use super::tables;

impl Backups {
    /// Dumps the database into a new backup.
    pub(super) async fn dump(&self, name: String, format: Format) -> Result<Entry, BackupError> {
        let (place, unfinished) = self.catalogue().place(&name, Kind::Full, Some(format))?;
        let access = self.access();
        let mut connection = access.connect(access.database()).await?;
        let server = Server::ask(&mut connection).await?;
        // Counted in the very snapshot that is dumped, so that a restore can be held against the counts.
        let doing = "take a snapshot";
        sqlx::raw_sql("begin isolation level repeatable read read only")
            .execute(&mut connection)
            .await
            .map_err(BackupError::database(doing))?;
        let (snapshot, holds_until): (String, DateTime<Utc>) =
            sqlx::query_as("select pg_export_snapshot(), clock_timestamp()")
                .fetch_one(&mut connection)
                .await
                .map_err(BackupError::database(doing))?;
        let dump = self.run_dump(access, &server, &unfinished, format, Some(&snapshot));
        let (rows, dumped) = tokio::join!(tables::count(&mut connection), dump);
        // The snapshot was all it was for.
        let _ = connection.close().await;
        dumped?;
        let database = access.database().to_owned();
        let manifest =
            Manifest { name, kind: Kind::Full, format: Some(format), database, holds_until, rows: rows?, span: None };
        self.catalogue().publish(unfinished, place, manifest).await
    }

    /// Writes a dump of the database that `access` leads to.
    pub(super) async fn run_dump(
        &self,
        access: &Access,
        server: &Server,
        to: &std::path::Path,
        format: Format,
        snapshot: Option<&str>,
    ) -> Result<(), BackupError> {
        let program = self.tools().program("pg_dump", server.major).await?;
        let mut given = arguments([&"--format", &format.word(), &"--no-password", &"--file", &to]);
        given.extend(snapshot.map(|snapshot| format!("--snapshot={snapshot}").into()));
        given.extend(arguments([&"--dbname", &access.database()]));
        run("pg_dump", &program, given, &access.environment()).await?;
        Ok(())
    }
}
