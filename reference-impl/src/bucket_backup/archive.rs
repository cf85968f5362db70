//! The archive of a backup: a tar.gz of all objects under their keys, behind a file that says what it is.
//!
//! Any tar can read it. What tar has no place for stands in extended headers of our own: the content type, metadata,
//! and which entries are marks of deletion. Versions of an object follow each other, the oldest first.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use tar::{Archive, Builder, EntryType, Header};
use tokio::runtime::Handle;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::Order;
use super::error::BackupError;
use crate::object_store::{Described, Fetched, ObjectStore, Version};

/// The first entry of each archive.
const METADATA: &str = ".backup_metadata.json";
/// The empty blocks that end a tar.
const END: usize = 1024;
/// Marks the entry that tells of the archive, for an object may have the same key.
const ABOUT: &str = "AUTOGRAPH.about";
/// Marks an entry that stands for a mark of deletion.
const DELETED: &str = "AUTOGRAPH.deleted";
const CONTENT_TYPE: &str = "AUTOGRAPH.content-type";
/// What the names of an object's own metadata stand behind.
const META: &str = "AUTOGRAPH.meta.";

/// What an archive says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Metadata {
    /// The bucket it is of.
    pub bucket_name: String,
    /// The backup's name.
    pub backup_name: String,
    /// When it was made.
    pub timestamp: String,
    /// Count of objects.
    pub object_count: u64,
    /// Bytes of all entries.
    pub total_size_bytes: u64,
    /// Whether it has old versions and marks of deletion.
    pub include_versions: bool,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written {
    /// Count of objects.
    pub objects: u64,
    /// Count of entries: of objects, old versions and marks of deletion.
    pub versions: u64,
    /// Bytes of them all.
    pub bytes: u64,
}

/// What an entry stands for.
#[derive(Debug)]
pub struct Entry {
    /// The object's key.
    pub key: String,
    /// Count of bytes.
    pub size: u64,
    /// What is said about it.
    pub described: Described,
    /// Whether it is a mark of deletion.
    pub deleted: bool,
}

/// Writes the archive of a bucket. It is there whole or not at all.
pub(super) async fn write(
    store: &ObjectStore,
    order: &Order,
    timestamp: &str,
    path: &Path,
) -> Result<Written, BackupError> {
    let mut versions = store.versions(&order.bucket).await?;
    if !order.include_versions {
        versions.retain(|version| version.latest && !version.deleted);
    }
    let job = Job {
        store: store.clone(),
        order: order.clone(),
        timestamp: timestamp.to_owned(),
        path: path.to_owned(),
        handle: Handle::current(),
    };
    // Compression keeps a thread busy, so it is one that serves nobody.
    tokio::task::spawn_blocking(move || job.write(&versions)).await.map_err(io::Error::other)?
}

struct Job {
    store: ObjectStore,
    order: Order,
    timestamp: String,
    path: PathBuf,
    handle: Handle,
}

impl Job {
    fn write(&self, versions: &[Version]) -> Result<Written, BackupError> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let (objects, whole) =
            (Unfinished(self.path.with_extension("objects")), Unfinished(self.path.with_extension("part")));
        let mut builder = Builder::new(GzEncoder::new(File::create(&objects.0)?, Compression::default()));
        let mut written = Written::default();
        for version in versions {
            self.append(&mut builder, version, &mut written)?;
        }
        builder.into_inner()?.finish()?;
        // What is told first is known last. A gz may be several, one behind the other, and so may a tar.
        let mut about = GzEncoder::new(File::create(&whole.0)?, Compression::default());
        about.write_all(&self.introduction(written)?)?;
        let mut file = about.finish()?;
        io::copy(&mut File::open(&objects.0)?, &mut file)?;
        std::fs::rename(&whole.0, &self.path)?;
        Ok(written)
    }

    /// The entry that tells of the archive, without the empty blocks that would end a tar.
    fn introduction(&self, written: Written) -> io::Result<Vec<u8>> {
        let metadata = serde_json::to_vec(&Metadata {
            bucket_name: self.order.bucket.clone(),
            backup_name: self.order.name.to_string(),
            timestamp: self.timestamp.clone(),
            object_count: written.objects,
            total_size_bytes: written.bytes,
            include_versions: self.order.include_versions,
        })?;
        let mut builder = Builder::new(Vec::new());
        append(
            &mut builder,
            METADATA,
            vec![(ABOUT.to_owned(), "true".to_owned())],
            metadata.len() as u64,
            &metadata[..],
        )?;
        let mut tar = builder.into_inner()?;
        tar.truncate(tar.len().saturating_sub(END));
        Ok(tar)
    }

    fn append(
        &self,
        builder: &mut Builder<GzEncoder<File>>,
        version: &Version,
        written: &mut Written,
    ) -> Result<(), BackupError> {
        if version.deleted {
            append(builder, &version.key, vec![(DELETED.to_owned(), "true".to_owned())], 0, io::empty())?;
            written.versions += 1;
            return Ok(());
        }
        // Without versions the latest is meant, whichever that is by now.
        let id = self.order.include_versions.then_some(version.id.as_str());
        let fetched = match self.handle.block_on(self.store.get(&self.order.bucket, &version.key, id)) {
            Ok(fetched) => fetched,
            // It was deleted since it was listed, so it is no part of the bucket any more.
            Err(error) if error.is("NoSuchKey") || error.is("NoSuchVersion") => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (size, extensions) = (fetched.size, extensions(&fetched));
        let bytes = SyncIoBridge::new_with_handle(StreamReader::new(Box::pin(fetched.bytes())), self.handle.clone());
        append(builder, &version.key, extensions, size, bytes)?;
        written.objects += u64::from(version.latest);
        written.versions += 1;
        written.bytes += size;
        Ok(())
    }
}

fn extensions(fetched: &Fetched) -> Vec<(String, String)> {
    let described = &fetched.described;
    let content_type = described.content_type.iter().map(|text| (CONTENT_TYPE.to_owned(), text.clone()));
    let metadata = described.metadata.iter().map(|(name, text)| (format!("{META}{name}"), text.clone()));
    content_type.chain(metadata).collect()
}

/// The key stands in an extended header, where it may be as long and as odd as a key can be.
fn append(
    builder: &mut Builder<impl Write>,
    key: &str,
    extensions: Vec<(String, String)>,
    size: u64,
    bytes: impl Read,
) -> io::Result<()> {
    let own = extensions.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    builder.append_pax_extensions(std::iter::once(("path", key.as_bytes())).chain(own))?;
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_path("object")?;
    header.set_size(size);
    header.set_cksum();
    let mut bytes = Counted { inner: bytes, count: 0 };
    builder.append(&header, &mut bytes)?;
    if bytes.count == size {
        return Ok(());
    }
    // The archive would say one size and hold another.
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("an object of {size} bytes ended after {}", bytes.count)))
}

/// Reads the archive at a path. What it says of itself comes first, then `each` gets its entries, in order.
pub(super) fn read(
    path: &Path,
    begin: impl FnOnce(&Metadata) -> Result<(), BackupError>,
    mut each: impl FnMut(Entry, &mut dyn Read) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let mut archive = Archive::new(MultiGzDecoder::new(File::open(path)?));
    let mut entries = archive.entries()?;
    let mut first = entries.next().ok_or_else(|| BackupError::Damaged("it is empty".to_owned()))??;
    let metadata = serde_json::from_reader(&mut first).map_err(|error| BackupError::Damaged(error.to_string()))?;
    begin(&metadata)?;
    for entry in entries {
        let mut entry = entry?;
        let told = tell(&mut entry)?;
        each(told, &mut entry)?;
    }
    Ok(())
}

fn tell(entry: &mut tar::Entry<'_, impl Read>) -> Result<Entry, BackupError> {
    let mut told = Entry { key: String::new(), size: entry.size(), described: Described::default(), deleted: false };
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (name, value) = (text(extension.key_bytes()), text(extension.value_bytes()));
        match name.as_str() {
            DELETED => told.deleted = true,
            CONTENT_TYPE => told.described.content_type = Some(value),
            other => {
                if let Some(name) = other.strip_prefix(META) {
                    told.described.metadata.insert(name.to_owned(), value);
                }
            }
        }
    }
    told.key = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    Ok(told)
}

struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}

/// A file that goes unless it was given another name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_keys_and_what_is_said_about_an_object_come_back() {
        let folder = std::env::temp_dir().join(format!("autograph-archive-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let path = Unfinished(folder.join("a.tar.gz"));
        let long = "x/".repeat(400);
        let keys = ["plain.txt", "../up", "/root", "a b/ü", ".backup_metadata.json", long.as_str()];
        let about = br#"{"bucket_name":"b","backup_name":"n","timestamp":"t","object_count":6,"total_size_bytes":6,"include_versions":true}"#;
        let mut builder = Builder::new(GzEncoder::new(File::create(&path.0).unwrap(), Compression::default()));
        append(&mut builder, METADATA, Vec::new(), about.len() as u64, &about[..]).unwrap();
        for key in keys {
            let said =
                vec![(CONTENT_TYPE.to_owned(), "text/plain".to_owned()), (format!("{META}who"), "me".to_owned())];
            append(&mut builder, key, said, 1, &b"x"[..]).unwrap();
        }
        append(&mut builder, "gone", vec![(DELETED.to_owned(), "true".to_owned())], 0, io::empty()).unwrap();
        assert!(append(&mut builder, "cut", Vec::new(), 5, &b"x"[..]).is_err());
        drop(builder);
        let mut told = Vec::new();
        // The entry that was cut off is one that cannot be read, either.
        let _ = read(
            &path.0,
            |_| Ok(()),
            |entry, bytes| {
                let mut content = String::new();
                bytes.read_to_string(&mut content)?;
                told.push((entry, content));
                Ok(())
            },
        );
        for (key, (entry, content)) in keys.iter().zip(&told) {
            assert_eq!((entry.key.as_str(), content.as_str(), entry.deleted), (*key, "x", false));
            assert_eq!(entry.described.content_type.as_deref(), Some("text/plain"));
            assert_eq!(entry.described.metadata["who"], "me");
        }
        assert!(told[keys.len()].0.deleted);
        drop(path);
        std::fs::remove_dir(folder).unwrap();
    }
}
