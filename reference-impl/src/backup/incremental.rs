//! An incremental backup: what has changed since the last base or incremental backup, as pieces of the server's log.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::Backups;
use super::catalogue::Entry;
use super::child::blocking;
use super::error::BackupError;
use super::lsn::{Lsn, file_name};
use super::manifest::{Kind, Manifest, Span};

impl Backups {
    /// Closes the log of changes and keeps what is new in it.
    pub(super) async fn incremental(&self, name: String) -> Result<Entry, BackupError> {
        let server = self.access().server().await?;
        server.must_stream()?;
        let log = self.stream().running().await?;
        let (parent, parent_span) = self.newest_span(&log, server.timeline).await?;
        let to = self.stream().close(&server).await?;
        let holds_until = self.server_time().await?;
        let first = parent_span.next_segment();
        let from = Lsn::start_of(first, server.segment_size);
        let span = Span::of(&server, log.clone(), Some(parent), from, to);
        let (place, unfinished) = self.catalogue().place(&name, Kind::Incremental, None)?;
        let received = self.catalogue().folder_of_log(&log)?;
        let files = (first..=to.segment_before(server.segment_size))
            .map(|segment| received.join(file_name(server.timeline, segment, server.segment_size)))
            .collect();
        let folder = unfinished.clone();
        blocking(move || collect(files, folder)).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BackupError::Refused(
                "a piece of the log is missing, so nothing can be added to the last base; make a new base".to_owned(),
            ),
            _ => BackupError::file("collect the log in", &unfinished)(error),
        })?;
        let database = self.access().database().to_owned();
        let manifest = Manifest {
            name,
            kind: Kind::Incremental,
            format: None,
            database,
            holds_until,
            rows: Default::default(),
            span: Some(span),
        };
        self.catalogue().publish(unfinished, place, manifest).await
    }

    /// The newest backup of this server that changes can be added to.
    async fn newest_span(&self, log: &str, timeline: u32) -> Result<(String, Span), BackupError> {
        let manifests = self.catalogue().all().await?.into_iter().filter_map(|entry| entry.manifest);
        let spans = manifests.filter_map(|manifest| Some((manifest.name, manifest.span?)));
        let ours = spans.filter(|(_, span)| span.log == log && span.timeline == timeline);
        ours.max_by_key(|(_, span)| span.to).ok_or_else(|| {
            BackupError::Refused(
                "there is no base of this server that changes could be added to; make one with backup_type=base"
                    .to_owned(),
            )
        })
    }
}

/// Gathers files in a folder: the same files under a second name where that can be, else copies.
fn collect(files: Vec<PathBuf>, folder: PathBuf) -> io::Result<()> {
    fs::create_dir_all(&folder)?;
    for file in files {
        let target = folder.join(file.file_name().unwrap_or_default());
        fs::hard_link(&file, &target).or_else(|_| fs::copy(&file, &target).map(drop))?;
    }
    Ok(())
}
