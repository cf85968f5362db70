//! Brings the database back: from a dump, from a base with what has changed since, or as it was at a chosen moment.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};

use super::Backups;
use super::catalogue::Entry;
use super::error::BackupError;
use super::manifest::{Format, Kind, Manifest, Span};
use super::recovery::{Recovered, Scratch, Until};
use super::wal::files_from;

/// How much the clock of the database may be ahead of ours.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// What is to be brought back.
#[derive(Debug, Clone)]
pub enum What {
    /// What a backup holds: its name, with or without extension.
    Backup(String),
    /// The same, brought from the object store if it is not here.
    Copy(String),
    /// What lies at this path.
    Path(String),
    /// The database as it was at a moment.
    Time(DateTime<Utc>),
    /// The database with the last change that is known.
    Latest,
}

/// What was brought back.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The file or folder of the backup that it began with.
    pub path: PathBuf,
    /// When the last change was made that it has, where the log of changes was used.
    pub last_change: Option<DateTime<Utc>>,
}

/// A base with the files of the log that go on from it.
pub(super) struct Chain {
    pub base: Entry,
    pub log: Vec<PathBuf>,
    pub major: u32,
    pub until: Until,
}

impl Backups {
    /// Replaces the database. `clean` says that rows it has now may go. Where it fails, the database stays as it is.
    pub async fn restore(&self, what: What, clean: bool) -> Result<Restored, BackupError> {
        let _alone = self.0.work.lock().await;
        let restored = self.restore_alone(what, clean).await;
        match &restored {
            Ok(restored) => tracing::warn!(path = %restored.path.display(), "Database restored"),
            Err(error) => tracing::error!(error = %error, "Restore failed"),
        }
        restored
    }

    async fn restore_alone(&self, what: What, clean: bool) -> Result<Restored, BackupError> {
        let entry = match &what {
            What::Backup(name) => Some(self.catalogue().find(name).await?),
            What::Copy(name) => Some(self.here_or_fetched(name).await?),
            What::Path(path) => Some(self.catalogue().find(&self.catalogue().name_in(path)?).await?),
            What::Time(_) | What::Latest => None,
        };
        self.must_be_replaceable(clean).await?;
        let chain = match (entry, what) {
            (Some(entry), _) => match (entry.kind, entry.format) {
                (Kind::Full, Some(format)) => {
                    self.replace_database(&entry.path, format).await?;
                    return Ok(Restored { path: entry.path, last_change: None });
                }
                _ => self.chain_of(&entry).await?,
            },
            (None, What::Time(time)) => self.chain_until(Some(time)).await?,
            (None, _) => self.chain_until(None).await?,
        };
        let path = chain.base.path.clone();
        let recovered = self.recover(chain).await?;
        let last_change = recovered.last_change;
        let replaced = self.replace_from(&recovered).await;
        recovered.end().await;
        replaced.map(|()| Restored { path, last_change })
    }

    /// A base or an incremental backup, with all that it stands on and nothing more.
    pub(super) async fn chain_of(&self, entry: &Entry) -> Result<Chain, BackupError> {
        let mut chain = self.catalogue().chain(entry).await?.into_iter();
        let base = chain.next().ok_or_else(|| BackupError::Unknown(entry.name.clone()))?;
        let span = span_of(&base)?.clone();
        let mut log = Vec::new();
        for piece in chain {
            log.extend(files_from(piece.path.clone(), 0, span.segment_size).await?);
        }
        // Its own log is a part of a base, and enough to make it whole; what comes after is not asked for.
        let until = if log.is_empty() { Until::Whole } else { Until::Last };
        Ok(Chain { base, log, major: span.major, until })
    }

    /// The newest base before a moment, or the newest of all, with every change since.
    async fn chain_until(&self, time: Option<DateTime<Utc>>) -> Result<Chain, BackupError> {
        if time.is_some_and(|time| time > Utc::now() + SKEW) {
            return Err(BackupError::invalid("target_time", "a moment that has passed is expected"));
        }
        let base = self.newest_base(time).await?;
        self.close_if_live(span_of(&base)?).await;
        self.chain_from(base, time).await
    }

    /// The newest base with the changes that have arrived, as it were after the loss of the server.
    pub(super) async fn chain_as_it_is(&self) -> Result<Chain, BackupError> {
        let base = self.newest_base(None).await?;
        self.chain_from(base, None).await
    }

    async fn newest_base(&self, time: Option<DateTime<Utc>>) -> Result<Entry, BackupError> {
        let bases = self.catalogue().all().await?.into_iter().filter(|entry| entry.kind == Kind::Base);
        let dated = bases.filter_map(|entry| Some((entry.manifest.as_ref()?.holds_until, entry)));
        let before = dated.filter(|(until, _)| time.is_none_or(|time| *until <= time));
        let newest = before.max_by_key(|(until, _)| *until).map(|(_, base)| base);
        newest.ok_or_else(|| {
            let none = "there is no base backup from before that moment; make one with backup_type=base";
            BackupError::Refused(none.to_owned())
        })
    }

    async fn chain_from(&self, base: Entry, time: Option<DateTime<Utc>>) -> Result<Chain, BackupError> {
        let span = span_of(&base)?;
        let folder = self.catalogue().folder_of_log(&span.log)?;
        let log = files_from(folder, span.from.segment(span.segment_size), span.segment_size).await?;
        let major = span.major;
        Ok(Chain { log, major, until: time.map_or(Until::Last, Until::Time), base })
    }

    /// Makes sure that the log has all that the server has, if the server is still the one that the base is of.
    async fn close_if_live(&self, span: &Span) {
        // A server that is away or another's has nothing to add.
        let Ok(server) = self.access().server().await else {
            return;
        };
        if self.catalogue().log_of(&server).await.is_ok_and(|log| log == span.log)
            && let Err(error) = self.stream().close(&server).await
        {
            tracing::warn!(error = %error, "The newest changes may be missing in the log");
        }
    }

    /// Recovers a base and its log in a server of its own.
    pub(super) async fn recover(&self, chain: Chain) -> Result<Recovered, BackupError> {
        let until = chain.until;
        self.prepare(chain).await?.recover(until).await
    }

    /// Lays out a base and its log for recovery.
    pub(super) async fn prepare(&self, chain: Chain) -> Result<Scratch, BackupError> {
        let program = self.tools().program("postgres", chain.major).await?;
        Scratch::prepare(&self.settings().scratch, program, &chain.base.path, chain.log, &self.access().0).await
    }

    /// Takes the database over from a recovered server.
    async fn replace_from(&self, recovered: &Recovered) -> Result<(), BackupError> {
        let server = recovered.access.server().await?;
        let file = recovered.folder().join("database.dump");
        self.run_dump(&recovered.access, &server, &file, Format::Custom, None).await?;
        self.replace_database(&file, Format::Custom).await
    }
}

fn span_of(entry: &Entry) -> Result<&Span, BackupError> {
    let span = entry.manifest.as_ref().and_then(|manifest: &Manifest| manifest.span.as_ref());
    let missing = || BackupError::Refused(format!("{} lacks its manifest, so it cannot be recovered", entry.name));
    span.ok_or_else(missing)
}
