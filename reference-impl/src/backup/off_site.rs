//! Copies of dumps in the object store: the bucket `backups`, a file as `postgres/FILE`, a folder file by file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::{Stream, StreamExt, pin_mut};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::catalogue::{Entry, children};
use super::child::blocking;
use super::error::BackupError;
use crate::object_store::{Bytes, Described, ObjectStore, Upload};

const BUCKET: &str = "backups";
const PREFIX: &str = "postgres/";
/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

/// The store that copies go to.
pub struct OffSite(ObjectStore);

/// A copy in the store.
#[derive(Debug, Clone)]
pub struct Copied {
    /// Name of the file or folder.
    pub name: String,
    /// Its key, or what the keys of its files begin with.
    pub key: String,
    /// Bytes in it.
    pub size: u64,
    /// When it was stored, as the store tells it.
    pub modified: String,
}

impl OffSite {
    /// Copies go to this store.
    pub fn new(store: ObjectStore) -> OffSite {
        OffSite(store)
    }

    /// Copies a backup: the key of the copy.
    pub async fn put(&self, entry: &Entry) -> Result<String, BackupError> {
        self.0.make_bucket(BUCKET).await?;
        let key = format!("{PREFIX}{}", entry.file);
        if !entry.path.is_dir() {
            self.put_file(&key, &entry.path).await?;
            return Ok(key);
        }
        let folder = entry.path.clone();
        let files = blocking(move || children(&folder)).await.map_err(BackupError::file("read", &entry.path))?;
        for (name, path) in files {
            self.put_file(&format!("{key}/{name}"), &path).await?;
        }
        Ok(key)
    }

    async fn put_file(&self, key: &str, path: &Path) -> Result<(), BackupError> {
        let file = File::open(path).await.map_err(BackupError::file("read", path))?;
        let size = file.metadata().await.map_err(BackupError::file("read", path))?.len();
        let upload = Upload { size, described: Described::default(), bytes: pieces(file) };
        Ok(self.0.put(BUCKET, key, upload).await?)
    }

    /// Every copy, by name.
    pub async fn list(&self) -> Result<Vec<Copied>, BackupError> {
        let objects = match self.0.list(BUCKET, PREFIX).await {
            // It is made when the first copy comes.
            Err(error) if error.is_missing_bucket() => Vec::new(),
            other => other?,
        };
        let mut copies: BTreeMap<String, Copied> = BTreeMap::new();
        for object in objects {
            let Some(rest) = object.key.strip_prefix(PREFIX) else {
                continue;
            };
            let name = rest.split('/').next().unwrap_or(rest).to_owned();
            let key = format!("{PREFIX}{name}");
            let copy = copies.entry(name.clone()).or_insert(Copied { name, key, size: 0, modified: String::new() });
            copy.size += object.size;
            copy.modified = object.modified.max(std::mem::take(&mut copy.modified));
        }
        Ok(copies.into_values().collect())
    }

    /// Brings the copy of this name, with or without extension, into a folder: where it lies now.
    pub async fn fetch(&self, name: &str, folder: &Path) -> Result<PathBuf, BackupError> {
        let copy = self.find(name).await?.ok_or_else(|| BackupError::Unknown(name.to_owned()))?;
        let (target, unfinished) = (folder.join(&copy.name), folder.join(format!(".{}", copy.name)));
        for object in self.objects_of(&copy).await? {
            let inside = object.strip_prefix(&copy.key).unwrap_or_default().trim_start_matches('/');
            let file = if inside.is_empty() { unfinished.clone() } else { unfinished.join(inside) };
            if let Some(parent) = file.parent() {
                tokio::fs::create_dir_all(parent).await.map_err(BackupError::file("make the folder", parent))?;
            }
            self.fetch_file(&object, &file).await?;
        }
        let moved = tokio::fs::rename(&unfinished, &target).await;
        moved.map(|()| target).map_err(BackupError::file("move", unfinished))
    }

    async fn fetch_file(&self, key: &str, path: &Path) -> Result<(), BackupError> {
        let failed = |source| BackupError::File { doing: "write", path: path.to_owned(), source };
        let bytes = self.0.get(BUCKET, key, None).await?.bytes();
        pin_mut!(bytes);
        let mut file = File::create(path).await.map_err(failed)?;
        while let Some(piece) = bytes.next().await {
            file.write_all(&piece.map_err(failed)?).await.map_err(failed)?;
        }
        file.sync_all().await.map_err(failed)
    }

    /// Removes the copy of this name, with or without extension. Whether there was one.
    pub async fn remove(&self, name: &str) -> Result<bool, BackupError> {
        let Some(copy) = self.find(name).await? else {
            return Ok(false);
        };
        for object in self.objects_of(&copy).await? {
            self.0.delete(BUCKET, &object).await?;
        }
        Ok(true)
    }

    async fn find(&self, name: &str) -> Result<Option<Copied>, BackupError> {
        let all = self.list().await?;
        let stem = |copy: &&Copied| Path::new(&copy.name).with_extension("").as_os_str() == name;
        let exact = all.iter().find(|copy| copy.name == name);
        Ok(exact.or_else(|| all.iter().find(stem)).cloned())
    }

    /// The keys of a copy's files.
    async fn objects_of(&self, copy: &Copied) -> Result<Vec<String>, BackupError> {
        let objects = self.0.list(BUCKET, &copy.key).await?;
        let inside = format!("{}/", copy.key);
        let ours = objects.into_iter().map(|object| object.key);
        Ok(ours.filter(|key| *key == copy.key || key.starts_with(&inside)).collect())
    }
}

/// The bytes of a file, piece by piece.
fn pieces(
    file: File,
) -> impl Stream<Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>> + Send + Sync + 'static {
    futures_util::stream::unfold(Some(file), async |file| {
        let mut file = file?;
        let mut piece = vec![0; PIECE];
        match file.read(&mut piece).await {
            Ok(0) => None,
            Ok(count) => {
                piece.truncate(count);
                Some((Ok(Bytes::from(piece)), Some(file)))
            }
            Err(error) => Some((Err(error.into()), None)),
        }
    })
}
