//! What is known about a backup beside its data: its kind, its moment, its place in the log of changes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::lsn::Lsn;
use super::server::Server;

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The whole database as statements or archive, by `pg_dump`.
    #[default]
    Full,
    /// The files of the whole server, by `pg_basebackup`; what changes are added to.
    Base,
    /// What has changed since the base or the incremental backup before it.
    Incremental,
}

/// How a full backup is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One compressed file.
    #[default]
    Custom,
    /// Statements.
    Plain,
    /// A folder, a file for each table.
    Directory,
    /// The same as one file.
    Tar,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 4] = [Format::Custom, Format::Plain, Format::Directory, Format::Tar];

    /// What a file of it is called at the end; a folder has nothing.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Custom => ".dump",
            Format::Plain => ".sql",
            Format::Directory => "",
            Format::Tar => ".tar",
        }
    }

    /// Its word for `pg_dump`.
    pub fn word(self) -> &'static str {
        match self {
            Format::Custom => "custom",
            Format::Plain => "plain",
            Format::Directory => "directory",
            Format::Tar => "tar",
        }
    }
}

/// What is known about one backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// Name without extension.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// How it is written, if it is full.
    pub format: Option<Format>,
    /// The database.
    pub database: String,
    /// The moment up to which it holds everything, by the clock of the database server.
    pub holds_until: DateTime<Utc>,
    /// Rows of each table at that moment, if it is full.
    #[serde(default)]
    pub rows: BTreeMap<String, i64>,
    /// Its place in the log of changes, unless it is full.
    pub span: Option<Span>,
}

/// A piece of a server's log of changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Span {
    /// The log, as the catalogue calls it.
    pub log: String,
    /// Which server's.
    pub system_identifier: String,
    /// Its version.
    pub major: u32,
    /// Bytes of a file of it.
    pub segment_size: u64,
    /// The line of history.
    pub timeline: u32,
    /// The backup it goes on from; none for a base.
    pub parent: Option<String>,
    /// From here on.
    pub from: Lsn,
    /// Up to here.
    pub to: Lsn,
}

impl Span {
    /// A piece of this server's log.
    pub fn of(server: &Server, log: String, parent: Option<String>, from: Lsn, to: Lsn) -> Span {
        Span {
            log,
            system_identifier: server.system_identifier.clone(),
            major: server.major,
            segment_size: server.segment_size,
            timeline: server.timeline,
            parent,
            from,
            to,
        }
    }

    /// The first segment that an incremental backup on top of this one holds: the one after the last that is complete.
    pub fn next_segment(&self) -> u64 {
        self.to.segment_before(self.segment_size) + 1
    }
}
