//! The database server that is backed up: how to reach it, by ourselves and with PostgreSQL's programs.

use sqlx::{ConnectOptions, Connection, PgConnection};

use super::error::BackupError;
use super::lsn::Lsn;
use crate::config;
use crate::postgres::place;

/// The database that is always there.
pub const MAINTENANCE: &str = "postgres";

/// A way into a server.
#[derive(Debug, Clone)]
pub struct Access(pub config::Postgres);

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Told apart from every other server ever made; its backups are of no use to others.
    pub system_identifier: String,
    /// Its version: `16`.
    pub major: u32,
    /// Bytes of a file of its WAL.
    pub segment_size: u64,
    /// Which line of history it is on; each recovery begins a new one.
    pub timeline: u32,
    /// Up to where its log of changes is written.
    pub written: Lsn,
    /// What keeps it from handing out its WAL, if anything does.
    pub hindrance: Option<String>,
}

impl Access {
    /// The name of the database that is backed up.
    pub fn database(&self) -> &str {
        &self.0.database
    }

    /// A connection to one of its databases.
    pub async fn connect(&self, database: &str) -> Result<PgConnection, BackupError> {
        let options = place(&self.0).database(database).application_name("autograph-backup");
        options.disable_statement_logging().connect().await.map_err(BackupError::database("connect to the database"))
    }

    /// A connection from which databases can be made and dropped.
    pub async fn maintenance(&self) -> Result<PgConnection, BackupError> {
        self.connect(MAINTENANCE).await
    }

    /// What PostgreSQL's programs must know. The password is in the environment, where no list of processes shows it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PGHOST", self.0.host.clone()),
            ("PGPORT", self.0.port.to_string()),
            ("PGUSER", self.0.user.clone()),
            ("PGPASSWORD", self.0.password.reveal().to_owned()),
            ("PGCONNECT_TIMEOUT", "10".to_owned()),
            ("LC_ALL", "C".to_owned()),
        ]
    }

    /// Asks the server who it is.
    pub async fn server(&self) -> Result<Server, BackupError> {
        let mut connection = self.maintenance().await?;
        let server = Server::ask(&mut connection).await?;
        // It has said all it was asked.
        let _ = connection.close().await;
        Ok(server)
    }
}

impl Server {
    /// Asks the server on this connection who it is.
    pub async fn ask(connection: &mut PgConnection) -> Result<Server, BackupError> {
        type Row = (String, i32, i64, i32, String, i32, String);
        let (system_identifier, version, segment_size, timeline, level, senders, written): Row = sqlx::query_as(
            "select (select system_identifier::text from pg_control_system()), \
             current_setting('server_version_num')::int, \
             (select setting::bigint from pg_settings where name = 'wal_segment_size'), \
             (select timeline_id from pg_control_checkpoint()), \
             current_setting('wal_level'), current_setting('max_wal_senders')::int, pg_current_wal_flush_lsn()::text",
        )
        .fetch_one(connection)
        .await
        .map_err(BackupError::database("ask the server who it is"))?;
        let hindrance = match (level.as_str(), senders) {
            ("minimal", _) => Some("its wal_level is minimal, set it to replica".to_owned()),
            (_, 0) => Some("its max_wal_senders is 0, set it to 10".to_owned()),
            _ => None,
        };
        Ok(Server {
            system_identifier,
            major: version.unsigned_abs() / 10_000,
            segment_size: segment_size.unsigned_abs(),
            timeline: timeline.unsigned_abs(),
            written: written
                .parse()
                .map_err(|_| BackupError::Refused(format!("the server says its log ends at {written}")))?,
            hindrance,
        })
    }

    /// Insists that it can hand out its WAL.
    pub fn must_stream(&self) -> Result<(), BackupError> {
        match &self.hindrance {
            None => Ok(()),
            Some(hindrance) => Err(BackupError::Refused(format!(
                "the database server keeps its log of changes to itself: {hindrance}"
            ))),
        }
    }
}
