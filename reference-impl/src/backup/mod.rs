//! Backups of the database and what they are for: whole and incremental ones, restores to any moment, and drills that
//! show how long a recovery takes and what it loses (features 48 and 50).
//!
//! From the bottom up: [`tools`] and [`child`] run PostgreSQL's programs, [`server`] is who is backed up, [`catalogue`]
//! keeps what was made. `dump`, `base`, [`wal`] and `incremental` make backups; [`recovery`] and `swap` bring one back.

mod account;
mod base;
pub mod catalogue;
mod child;
pub mod disaster;
mod dump;
pub mod error;
mod incremental;
mod lsn;
pub mod manifest;
pub mod off_site;
mod recovery;
pub mod restore;
mod schedule;
mod server;
pub mod shown;
mod swap;
mod tables;
mod tools;
pub mod wal;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::Connection;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::config;
use crate::object_store::ObjectStore;
use crate::startup::Context;

use catalogue::{Catalogue, Entry};
use error::BackupError;
use manifest::{Format, Kind};
use off_site::{Copied, OffSite};
use server::Access;
use tools::Tools;
use wal::WalStream;

/// The backups of one database; clones share them.
#[derive(Clone)]
pub struct Backups(Arc<Inner>);

struct Inner {
    settings: config::Backup,
    clock: Clock,
    access: Access,
    tools: Arc<Tools>,
    catalogue: Catalogue,
    stream: WalStream,
    /// Where copies of dumps go, if anywhere.
    off_site: Option<OffSite>,
    /// Held while a backup is made, restored or removed: one thing at a time.
    work: Mutex<()>,
}

/// A backup that is to be made.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// What it is to hold.
    pub kind: Kind,
    /// How it is to be written, if it is full.
    pub format: Format,
    /// Its name; without one it is named after the moment.
    pub name: Option<String>,
    /// Whether a copy goes to the object store, where there is one.
    pub copy: bool,
}

/// A backup that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The backup.
    pub entry: Entry,
    /// The key of its copy in the store, if there is one.
    pub key: Option<String>,
}

impl Backups {
    /// Begins to look after the backups: receives the log of changes, keeps to the schedule, repeats the drills.
    pub fn watch(context: &Context, store: &ObjectStore) -> Backups {
        let settings = context.settings.backup.clone();
        let access = Access(context.settings.postgres.clone());
        let tools = Arc::new(Tools::new(settings.programs.clone()));
        let catalogue = Catalogue::new(&settings.folder);
        let stream = WalStream::new(settings.wal_streaming, access.clone(), Arc::clone(&tools), catalogue.clone());
        let off_site = settings.off_site.then(|| OffSite::new(store.clone()));
        let clock = context.clock.clone();
        let work = Mutex::default();
        let backups = Backups(Arc::new(Inner { settings, clock, access, tools, catalogue, stream, off_site, work }));
        let (watching, gate) = (backups.clone(), context.gate.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = watching.look_after() => {}
                () = gate.closed() => tracing::info!("Backups are no longer looked after"),
            }
        });
        backups
    }

    async fn look_after(&self) {
        self.catalogue().sweep().await;
        recovery::sweep(&self.settings().scratch);
        let bases = self.catalogue().all().await.unwrap_or_default();
        if bases.iter().any(|entry| entry.kind == Kind::Base) {
            self.stream().want();
        }
        tokio::join!(self.stream().keep(self.clock()), schedule::keep(self), disaster::repeat(self));
    }

    /// Makes a backup.
    pub async fn create(&self, order: Order) -> Result<Made, BackupError> {
        let _alone = self.0.work.lock().await;
        self.create_as("autograph_backup", order).await
    }

    async fn create_as(&self, stem: &str, order: Order) -> Result<Made, BackupError> {
        let name = self.catalogue().free_name(order.name, stem, self.clock().now()).await?;
        let made = match order.kind {
            Kind::Full => self.dump(name.clone(), order.format).await,
            Kind::Base => self.base(name.clone()).await,
            Kind::Incremental => self.incremental(name.clone()).await,
        };
        match &made {
            Ok(entry) => tracing::info!(backup_name = name, file_size_bytes = entry.size, "Backup made"),
            Err(error) => tracing::error!(backup_name = name, error = %error, "Backup failed"),
        }
        let entry = made?;
        let key = if order.copy { self.copy(&entry).await } else { None };
        Ok(Made { entry, key })
    }

    /// Copies a dump to the store. Without a copy it is still a backup.
    async fn copy(&self, entry: &Entry) -> Option<String> {
        let off_site = self.0.off_site.as_ref().filter(|_| entry.kind == Kind::Full)?;
        let copied = off_site.put(entry).await;
        copied.inspect_err(|error| tracing::error!(error = %error, "Backup not copied to the object store")).ok()
    }

    /// Every backup, the newest first.
    pub async fn list(&self) -> Result<Vec<Entry>, BackupError> {
        self.catalogue().all().await
    }

    /// Every copy in the store, and why they cannot be told where that is so.
    pub async fn copies(&self) -> Result<Vec<Copied>, BackupError> {
        match &self.0.off_site {
            Some(off_site) => off_site.list().await,
            None => Ok(Vec::new()),
        }
    }

    /// Removes the copy of a backup in the store. Whether there was one.
    pub async fn remove_copy(&self, name: &str) -> Result<bool, BackupError> {
        match &self.0.off_site {
            Some(off_site) => off_site.remove(name).await,
            None => Ok(false),
        }
    }

    /// The backup of this name; if it is not here, its copy is brought from the store.
    async fn here_or_fetched(&self, name: &str) -> Result<Entry, BackupError> {
        match (self.catalogue().find(name).await, &self.0.off_site) {
            (Err(BackupError::Unknown(_)), Some(off_site)) => {
                off_site.fetch(name, self.catalogue().folder()?).await?;
                self.catalogue().find(name).await
            }
            (found, _) => found,
        }
    }

    /// Removes a backup, and what of the log of changes no base needs any more. Whether there was one.
    pub async fn remove(&self, name: &str) -> Result<bool, BackupError> {
        let _alone = self.0.work.lock().await;
        let entry = match self.catalogue().find(name).await {
            Err(BackupError::Unknown(_)) => return Ok(false),
            other => other?,
        };
        self.catalogue().remove(&entry).await?;
        if let Some(span) = entry.manifest.as_ref().and_then(|manifest| manifest.span.as_ref()) {
            self.prune(span).await?;
        }
        tracing::info!(backup_name = entry.name, "Backup removed");
        Ok(true)
    }

    async fn prune(&self, span: &manifest::Span) -> Result<(), BackupError> {
        let spans = self.catalogue().all().await?.into_iter().filter_map(|entry| entry.manifest?.span);
        let kept = spans.filter(|other| other.log == span.log && other.parent.is_none());
        // Without a base there is nothing that says what may go.
        if let Some(oldest) = kept.map(|base| base.from).min() {
            let folder = self.catalogue().folder_of_log(&span.log)?;
            let (first, size) = (oldest.segment(span.segment_size), span.segment_size);
            let pruning = folder.clone();
            let pruned = child::blocking(move || wal::prune(&pruning, first, size)).await;
            pruned.map_err(BackupError::file("remove old files of the log in", folder))?;
        }
        Ok(())
    }

    /// Now, by the clock of the database server: it is the one that changes are dated by.
    async fn server_time(&self) -> Result<DateTime<Utc>, BackupError> {
        let doing = "ask the server for the time";
        let mut connection = self.access().maintenance().await?;
        let now = sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut connection).await;
        let now = now.map_err(BackupError::database(doing))?;
        let _ = connection.close().await;
        Ok(now)
    }

    fn settings(&self) -> &config::Backup {
        &self.0.settings
    }

    fn clock(&self) -> &Clock {
        &self.0.clock
    }

    fn access(&self) -> &Access {
        &self.0.access
    }

    fn tools(&self) -> &Tools {
        &self.0.tools
    }

    fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    /// The name of the database that is backed up.
    pub fn database(&self) -> &str {
        self.access().database()
    }

    /// The targets of a recovery in minutes: how long it may take, and how much it may lose.
    pub fn targets(&self) -> (u32, u32) {
        (self.settings().rto_minutes, self.settings().rpo_minutes)
    }

    /// The log of changes.
    pub fn stream(&self) -> &WalStream {
        &self.0.stream
    }
}
