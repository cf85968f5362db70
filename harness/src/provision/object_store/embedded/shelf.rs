//! Where buckets and versions of objects are: an index in memory, bytes and records in files.

use super::records::{self, BucketRecord, Content, Version, Versioning};
use crate::provision::random;
use chrono::{DateTime, Utc};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Id of a version that was written while none were kept.
const NO_VERSION: &str = "null";

/// The buckets of one store.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    capacity: Option<u64>,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    buckets: BTreeMap<String, Bucket>,
    last_order: u64,
    used: u64,
}

#[derive(Debug)]
struct Bucket {
    record: BucketRecord,
    /// The versions of each key, the latest last; never empty.
    objects: BTreeMap<String, Vec<Version>>,
}

/// What a deletion did.
#[derive(Debug)]
pub struct Deleted {
    /// The version that was deleted or made; nothing where no versions are kept.
    pub version: Option<String>,
    /// Whether that version is a mark of deletion.
    pub is_marker: bool,
}

impl Shelf {
    /// What the folder holds; bytes of writes that were not finished are thrown away.
    pub fn open(folder: &Path, capacity: Option<u64>) -> io::Result<Shelf> {
        let shelf = Shelf { folder: folder.to_owned(), capacity, index: Mutex::default() };
        match std::fs::remove_dir_all(shelf.incoming()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for part in [shelf.buckets(), shelf.objects(), shelf.incoming()] {
            std::fs::create_dir_all(part)?;
        }
        let mut index = Index::default();
        for record in records::read_all::<BucketRecord>(&shelf.buckets())? {
            index.buckets.insert(record.name.clone(), Bucket { record, objects: BTreeMap::new() });
        }
        let mut versions = records::read_all::<Version>(&shelf.objects())?;
        versions.sort_by_key(|version| version.order);
        let known: HashSet<String> =
            versions.iter().filter_map(|version| Some(version.content.as_ref()?.file.clone())).collect();
        for version in versions {
            index.last_order = version.order;
            index.used += version.size();
            if let Some(bucket) = index.buckets.get_mut(&version.bucket) {
                bucket.objects.entry(version.key.clone()).or_default().push(version);
            }
        }
        for entry in std::fs::read_dir(shelf.objects())? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !name.ends_with(".json") && !known.contains(name) {
                std::fs::remove_file(&path)?;
            }
        }
        *shelf.index() = index;
        Ok(shelf)
    }

    fn buckets(&self) -> PathBuf {
        self.folder.join("buckets")
    }

    fn objects(&self) -> PathBuf {
        self.folder.join("objects")
    }

    fn incoming(&self) -> PathBuf {
        self.folder.join("incoming")
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().expect("nothing panics while it holds this lock")
    }

    /// A place for bytes that are on their way in.
    pub fn place(&self) -> PathBuf {
        self.incoming().join(random::hex(16))
    }

    /// The file that holds an object's bytes.
    pub fn file(&self, content: &Content) -> PathBuf {
        self.objects().join(&content.file)
    }

    /// Bytes that may still come in; nothing where there is no limit.
    pub fn room(&self) -> Option<u64> {
        let used = self.index().used;
        self.capacity.map(|capacity| capacity.saturating_sub(used))
    }

    // --- Buckets ---

    /// All of them, by name.
    pub fn all_buckets(&self) -> Vec<BucketRecord> {
        self.index().buckets.values().map(|bucket| bucket.record.clone()).collect()
    }

    /// The settings of a bucket.
    pub fn bucket(&self, name: &str) -> S3Result<BucketRecord> {
        self.index().bucket(name).map(|bucket| bucket.record.clone())
    }

    /// Makes an empty bucket.
    pub fn create_bucket(&self, name: &str, now: DateTime<Utc>) -> S3Result<()> {
        let mut index = self.index();
        if index.buckets.contains_key(name) {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        let record = BucketRecord::new(name, now);
        self.write_down(&record)?;
        index.buckets.insert(name.to_owned(), Bucket { record, objects: BTreeMap::new() });
        Ok(())
    }

    /// Changes the settings of a bucket, or leaves them all as they are.
    pub fn change_bucket(&self, name: &str, change: impl FnOnce(&mut BucketRecord)) -> S3Result<()> {
        let mut index = self.index();
        let bucket = index.bucket(name)?;
        let mut changed = bucket.record.clone();
        change(&mut changed);
        self.write_down(&changed)?;
        bucket.record = changed;
        Ok(())
    }

    /// Removes a bucket, which must be empty.
    pub fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let mut index = self.index();
        if !index.bucket(name)?.objects.is_empty() {
            return Err(s3_error!(BucketNotEmpty));
        }
        std::fs::remove_file(self.bucket_file(name)).map_err(S3Error::internal_error)?;
        index.buckets.remove(name);
        Ok(())
    }

    fn bucket_file(&self, name: &str) -> PathBuf {
        self.buckets().join(format!("{name}.json"))
    }

    fn write_down(&self, record: &BucketRecord) -> S3Result<()> {
        records::write(&self.bucket_file(&record.name), record).map_err(S3Error::internal_error)
    }

    // --- Objects ---

    /// All versions of all keys of a bucket, by key, the latest of each last.
    pub fn versions(&self, bucket: &str) -> S3Result<BTreeMap<String, Vec<Version>>> {
        self.index().bucket(bucket).map(|bucket| bucket.objects.clone())
    }

    /// One version of an object, the latest if none is named. What is found may be a mark of deletion.
    pub fn find(&self, bucket: &str, key: &str, version: Option<&str>) -> S3Result<Version> {
        let mut index = self.index();
        let versions = index.bucket(bucket)?.objects.get(key).map_or(&[][..], Vec::as_slice);
        let found = match version {
            Some(id) => versions.iter().find(|version| version.id == id),
            None => versions.last(),
        };
        let missing = if version.is_some() { S3ErrorCode::NoSuchVersion } else { S3ErrorCode::NoSuchKey };
        found.cloned().ok_or_else(|| S3Error::new(missing))
    }

    /// Takes bytes that have come in as the latest version of an object; `only_new` refuses where there is one.
    pub fn put(
        &self,
        (bucket, key): (&str, &str),
        bytes: &Path,
        mut content: Content,
        now: DateTime<Utc>,
        only_new: bool,
    ) -> S3Result<Version> {
        let mut index = self.index();
        let found = index.bucket(bucket)?;
        let there = found.objects.get(key).and_then(|versions| versions.last());
        if only_new && there.is_some_and(|latest| latest.content.is_some()) {
            return Err(s3_error!(PreconditionFailed));
        }
        if self.capacity.is_some_and(|capacity| index.used + content.size > capacity) {
            return Err(full());
        }
        content.file = random::hex(16);
        std::fs::rename(bytes, self.file(&content)).map_err(S3Error::internal_error)?;
        self.add(&mut index, (bucket, key), Some(content), now)
    }

    /// Adds a version, or a mark of deletion, in the way that the bucket keeps versions.
    fn add(
        &self,
        index: &mut Index,
        (bucket, key): (&str, &str),
        content: Option<Content>,
        now: DateTime<Utc>,
    ) -> S3Result<Version> {
        let keeps = index.bucket(bucket)?.record.versioning == Versioning::Enabled;
        let id = if keeps { random::hex(16) } else { NO_VERSION.to_owned() };
        index.last_order += 1;
        let order = index.last_order;
        let version = Version { bucket: bucket.into(), key: key.into(), id, order, modified: now, content };
        records::write(&self.version_file(&version), &version).map_err(S3Error::internal_error)?;
        index.used += version.size();
        let versions = index.bucket(bucket)?.objects.entry(key.to_owned()).or_default();
        let replaced = versions.iter().position(|old| !keeps && old.id == NO_VERSION).map(|at| versions.remove(at));
        versions.push(version.clone());
        if let Some(old) = replaced {
            self.forget(index, &old)?;
        }
        Ok(version)
    }

    /// Deletes a version if one is named, else the object: for good, or by a mark where versions are kept.
    pub fn delete(&self, bucket: &str, key: &str, version: Option<&str>, now: DateTime<Utc>) -> S3Result<Deleted> {
        let mut index = self.index();
        let found = index.bucket(bucket)?;
        if version.is_none() && found.record.versioning != Versioning::Never {
            let marker = self.add(&mut index, (bucket, key), None, now)?;
            return Ok(Deleted { version: Some(marker.id), is_marker: true });
        }
        let id = version.unwrap_or(NO_VERSION);
        let versions = found.objects.get_mut(key);
        let taken = versions.and_then(|versions| {
            versions.iter().position(|one| one.id == id).map(|at| (versions.remove(at), versions.is_empty()))
        });
        let named = version.map(str::to_owned);
        // To delete what is not there is no error.
        let Some((gone, was_last)) = taken else {
            return Ok(Deleted { version: named, is_marker: false });
        };
        if was_last {
            found.objects.remove(key);
        }
        self.forget(&mut index, &gone)?;
        Ok(Deleted { version: named, is_marker: gone.content.is_none() })
    }

    /// Removes the files of a version that is no longer in the index: its record first, so that bytes without a
    /// record are all that a crash can leave.
    fn forget(&self, index: &mut Index, version: &Version) -> S3Result<()> {
        index.used = index.used.saturating_sub(version.size());
        std::fs::remove_file(self.version_file(version)).map_err(S3Error::internal_error)?;
        match &version.content {
            Some(content) => std::fs::remove_file(self.file(content)).map_err(S3Error::internal_error),
            None => Ok(()),
        }
    }

    fn version_file(&self, version: &Version) -> PathBuf {
        self.objects().join(format!("{}.json", version.order))
    }
}

impl Index {
    fn bucket(&mut self, name: &str) -> S3Result<&mut Bucket> {
        self.buckets.get_mut(name).ok_or_else(|| s3_error!(NoSuchBucket))
    }
}

impl Version {
    /// Bytes that it takes up.
    pub fn size(&self) -> u64 {
        self.content.as_ref().map_or(0, |content| content.size)
    }
}

/// Said where a write would go beyond the store's capacity, in the words that MinIO has for it.
pub fn full() -> S3Error {
    let code = S3ErrorCode::Custom("XMinioStorageFull".into());
    let mut error = S3Error::with_message(code, "the store has reached its capacity");
    error.set_status_code(hyper::StatusCode::INSUFFICIENT_STORAGE);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::object_store::embedded::records::Described;

    fn write(shelf: &Shelf, key: &str, bytes: &str) -> S3Result<Version> {
        let place = shelf.place();
        std::fs::write(&place, bytes).unwrap();
        let size = bytes.len() as u64;
        let content = Content { file: String::new(), size, e_tag: "e".into(), described: Described::default() };
        shelf.put(("b", key), &place, content, Utc::now(), false)
    }

    fn read(shelf: &Shelf, key: &str, version: Option<&str>) -> S3Result<String> {
        let found = shelf.find("b", key, version)?;
        Ok(std::fs::read_to_string(shelf.file(&found.content.unwrap())).unwrap())
    }

    fn keep_versions(shelf: &Shelf, versioning: Versioning) {
        shelf.change_bucket("b", |record| record.versioning = versioning).unwrap();
    }

    #[test]
    fn without_versions_a_write_replaces_and_a_deletion_is_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path(), Some(10)).unwrap();
        shelf.create_bucket("b", Utc::now()).unwrap();
        write(&shelf, "k", "12345678").unwrap();
        assert_eq!(shelf.room(), Some(2));
        assert_eq!(
            write(&shelf, "other", "123").unwrap_err().status_code(),
            Some(hyper::StatusCode::INSUFFICIENT_STORAGE)
        );
        shelf.delete("b", "k", None, Utc::now()).unwrap();
        assert_eq!(shelf.room(), Some(10));
        assert_eq!(shelf.find("b", "k", None).unwrap_err().code(), &S3ErrorCode::NoSuchKey);
        shelf.delete_bucket("b").unwrap();
    }

    #[test]
    fn versions_marks_and_settings_are_there_again_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path(), None).unwrap();
        shelf.create_bucket("b", Utc::now()).unwrap();
        let before = write(&shelf, "k", "before").unwrap();
        keep_versions(&shelf, Versioning::Enabled);
        let first = write(&shelf, "k", "first").unwrap();
        let second = write(&shelf, "k", "second").unwrap();
        let marker = shelf.delete("b", "k", None, Utc::now()).unwrap();
        assert!(marker.is_marker);
        let again = Shelf::open(folder.path(), None).unwrap();
        assert_eq!(again.bucket("b").unwrap().versioning, Versioning::Enabled);
        assert!(again.find("b", "k", None).unwrap().content.is_none());
        for (id, bytes) in [(&before.id, "before"), (&first.id, "first"), (&second.id, "second")] {
            assert_eq!(read(&again, "k", Some(id)).unwrap(), bytes);
        }
        again.delete("b", "k", marker.version.as_deref(), Utc::now()).unwrap();
        assert_eq!(read(&again, "k", None).unwrap(), "second");
        assert_eq!(again.delete_bucket("b").unwrap_err().code(), &S3ErrorCode::BucketNotEmpty);
    }

    #[test]
    fn while_versions_are_suspended_only_the_unnumbered_one_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path(), None).unwrap();
        shelf.create_bucket("b", Utc::now()).unwrap();
        keep_versions(&shelf, Versioning::Enabled);
        let kept = write(&shelf, "k", "kept").unwrap();
        keep_versions(&shelf, Versioning::Suspended);
        write(&shelf, "k", "one").unwrap();
        write(&shelf, "k", "two").unwrap();
        assert_eq!(read(&shelf, "k", Some(&kept.id)).unwrap(), "kept");
        assert_eq!(read(&shelf, "k", Some("null")).unwrap(), "two");
        assert_eq!(shelf.versions("b").unwrap()["k"].len(), 2);
    }

    #[test]
    fn bytes_of_an_unfinished_write_are_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path(), None).unwrap();
        std::fs::write(shelf.place(), "half").unwrap();
        std::fs::write(shelf.objects().join("nobody's"), "bytes").unwrap();
        Shelf::open(folder.path(), None).unwrap();
        assert_eq!(std::fs::read_dir(shelf.incoming()).unwrap().count(), 0);
        assert_eq!(std::fs::read_dir(shelf.objects()).unwrap().count(), 0);
    }
}
