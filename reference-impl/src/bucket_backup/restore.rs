//! Brings a backup back into a bucket.

use std::collections::HashSet;
use std::io::{self, Read};
use std::path::PathBuf;

use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tracing::info;

use super::archive::{self, Entry, Metadata};
use super::error::BackupError;
use super::{BackupName, BucketBackups, shelf};
use crate::object_store::{Bytes, ObjectStore, Upload};
use crate::telemetry::units::megabytes;

/// How much of an object is on its way at a time.
const CHUNK: usize = 64 * 1024;

/// A restore that was asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which backup.
    pub name: BackupName,
    /// Into which bucket; the one it is of, if none is named.
    pub target: Option<String>,
    /// Whether what is there is replaced.
    pub overwrite: bool,
    /// Whether the copy in the other region is taken.
    pub from_replica: bool,
}

/// A restore that was done.
#[derive(Debug, Serialize)]
pub struct Restored {
    backup_name: String,
    target_bucket: String,
    uploaded_count: u64,
    skipped_count: u64,
    total_size_bytes: u64,
    total_size_mb: f64,
    timestamp: String,
    success: bool,
}

#[derive(Debug, Default)]
struct Counts {
    uploaded: u64,
    skipped: u64,
    bytes: u64,
}

impl BucketBackups {
    /// Stores the objects of a backup in a bucket, which is made if it is not there.
    pub async fn restore(&self, wanted: Wanted) -> Result<Restored, BackupError> {
        let path = self.fetch(&wanted).await?;
        let job = Job { store: self.0.store.clone(), wanted: wanted.clone(), path, handle: Handle::current() };
        // Decompression keeps a thread busy, so it is one that serves nobody.
        let done = tokio::task::spawn_blocking(move || job.restore()).await.map_err(io::Error::other)?;
        let (target_bucket, counts) = done?;
        info!(bucket = target_bucket, backup_name = %wanted.name, uploaded_count = counts.uploaded, "Bucket restored");
        Ok(Restored {
            backup_name: wanted.name.to_string(),
            target_bucket,
            uploaded_count: counts.uploaded,
            skipped_count: counts.skipped,
            total_size_bytes: counts.bytes,
            total_size_mb: megabytes(counts.bytes),
            timestamp: crate::telemetry::json_log::timestamp(&self.0.clock),
            success: true,
        })
    }

    /// The archive on this machine; it is brought here if it is elsewhere.
    async fn fetch(&self, wanted: &Wanted) -> Result<PathBuf, BackupError> {
        let path = self.path(&wanted.name);
        let from = match (wanted.from_replica, &self.0.replica) {
            (true, Some(replica)) => replica,
            (true, None) => return Err(BackupError::NoReplica),
            (false, _) if tokio::fs::try_exists(&path).await? => return Ok(path),
            (false, _) => &self.0.store,
        };
        shelf::bring(from, &wanted.name, &path).await?;
        Ok(path)
    }
}

struct Job {
    store: ObjectStore,
    wanted: Wanted,
    path: PathBuf,
    handle: Handle,
}

impl Job {
    fn restore(&self) -> Result<(String, Counts), BackupError> {
        let mut target = String::new();
        let mut kept = HashSet::new();
        let mut counts = Counts::default();
        // Both closures need them, one after the other.
        let state = std::cell::RefCell::new((&mut target, &mut kept));
        archive::read(
            &self.path,
            |metadata| {
                let mut state = state.borrow_mut();
                *state.0 = self.wanted.target.clone().unwrap_or_else(|| metadata.bucket_name.clone());
                *state.1 = self.handle.block_on(self.prepare(state.0, metadata))?;
                Ok(())
            },
            |entry, bytes| {
                let state = state.borrow();
                if state.1.contains(&entry.key) {
                    counts.skipped += 1;
                    return Ok(());
                }
                counts.bytes += entry.size;
                counts.uploaded += u64::from(!entry.deleted);
                self.bring_back(state.0, entry, bytes)
            },
        )?;
        Ok((target, counts))
    }

    /// Makes the bucket ready; the keys in it that are to stay as they are.
    async fn prepare(&self, target: &str, metadata: &Metadata) -> Result<HashSet<String>, BackupError> {
        self.store.make_bucket(target).await?;
        if metadata.include_versions && !self.store.keeps_versions(target).await? {
            self.store.keep_versions(target).await?;
        }
        if self.wanted.overwrite {
            return Ok(HashSet::new());
        }
        Ok(self.store.list(target, "").await?.into_iter().map(|object| object.key).collect())
    }

    fn bring_back(&self, target: &str, entry: Entry, bytes: &mut dyn Read) -> Result<(), BackupError> {
        if entry.deleted {
            return Ok(self.handle.block_on(self.store.delete(target, &entry.key))?);
        }
        let (sender, mut receiver) = mpsc::channel(4);
        let stream = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
        let upload = Upload { size: entry.size, described: entry.described, bytes: stream };
        let (store, bucket, key) = (self.store.clone(), target.to_owned(), entry.key);
        let storing = self.handle.spawn(async move { store.put(&bucket, &key, upload).await });
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = bytes.read(&mut chunk)?;
            // Whoever listens no more has a reason, which is told below.
            if read == 0 || sender.blocking_send(Ok(Bytes::copy_from_slice(&chunk[..read]))).is_err() {
                break;
            }
        }
        drop(sender);
        Ok(self.handle.block_on(storing).map_err(io::Error::other)??)
    }
}
