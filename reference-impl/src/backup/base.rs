//! A base backup: the files of the whole server, to which its log of changes can be added.

use std::path::Path;

use serde::Deserialize;

use super::Backups;
use super::catalogue::Entry;
use super::child::{arguments, blocking, run};
use super::error::BackupError;
use super::lsn::Lsn;
use super::manifest::{Kind, Manifest, Span};
use super::server::Server;

/// What the server notes in `backup_manifest`, as far as we need it.
#[derive(Deserialize)]
struct Noted {
    #[serde(rename = "WAL-Ranges")]
    ranges: Vec<Range>,
}

#[derive(Deserialize)]
struct Range {
    #[serde(rename = "Timeline")]
    timeline: u32,
    #[serde(rename = "Start-LSN")]
    start: Lsn,
    #[serde(rename = "End-LSN")]
    end: Lsn,
}

impl Backups {
    /// Copies the files of the server. From now on its log of changes is kept, too.
    pub(super) async fn base(&self, name: String) -> Result<Entry, BackupError> {
        let access = self.access();
        let server = access.server().await?;
        server.must_stream()?;
        let program = self.tools().program("pg_basebackup", server.major).await?;
        // First the stream, then the copy: no change falls between them.
        let log = self.stream().running().await?;
        let (place, unfinished) = self.catalogue().place(&name, Kind::Base, None)?;
        let given = arguments([
            &"--pgdata",
            &unfinished,
            &"--format=plain",
            &"--checkpoint=fast",
            &"--wal-method=fetch",
            &"--no-password",
            &"--label",
            &name,
        ]);
        run("pg_basebackup", &program, given, &access.environment()).await?;
        let (timeline, from, to) = noted(&unfinished).await?;
        let span = Span::of(&Server { timeline, ..server }, log, None, from, to);
        let holds_until = self.server_time().await?;
        let database = access.database().to_owned();
        let manifest = Manifest {
            name,
            kind: Kind::Base,
            format: None,
            database,
            holds_until,
            rows: Default::default(),
            span: Some(span),
        };
        self.catalogue().publish(unfinished, place, manifest).await
    }
}

/// The line of history and the piece of the log that the copy needs to be whole.
async fn noted(folder: &Path) -> Result<(u32, Lsn, Lsn), BackupError> {
    let file = folder.join("backup_manifest");
    let reading = file.clone();
    let read = move || {
        let noted: Noted = serde_json::from_slice(&std::fs::read(reading)?).map_err(std::io::Error::other)?;
        let range = noted.ranges.into_iter().next_back();
        range.ok_or_else(|| std::io::Error::other("it names no piece of the log"))
    };
    let range = blocking(read).await.map_err(BackupError::file("read", file))?;
    Ok((range.timeline, range.start, range.end))
}
