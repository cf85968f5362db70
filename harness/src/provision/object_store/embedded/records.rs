//! What the store writes down about buckets and objects, so that it is there again after a restart.

use super::lifecycle::Rule;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// A bucket's settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BucketRecord {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// Whether old versions are kept.
    pub versioning: Versioning,
    /// What becomes of objects by themselves.
    pub lifecycle: Vec<Rule>,
    /// Its policy as it was given.
    pub policy: Option<String>,
}

/// Whether a bucket keeps the versions of its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// Never asked for.
    Never,
    /// Each write makes a version.
    Enabled,
    /// What there is stays; new writes replace each other.
    Suspended,
}

/// One version of one object, or the mark that it was deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Version {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Id of the version; `null` for what was written while no versions were kept.
    pub id: String,
    /// Counts up over all versions of the store: of one key, the highest is the latest.
    pub order: u64,
    /// When it was written, on the store's clock.
    pub modified: DateTime<Utc>,
    /// The object; nothing for a mark of deletion.
    pub content: Option<Content>,
}

/// An object's bytes and what was said about them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Content {
    /// Name of the file that holds the bytes.
    pub file: String,
    /// Count of bytes.
    pub size: u64,
    /// The entity tag without quotes: MD5 of the bytes, or of the parts.
    pub e_tag: String,
    /// What the writer said of it.
    pub described: Described,
}

/// Headers that come back as they were given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Described {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `x-amz-meta-…`.
    pub metadata: Option<HashMap<String, String>>,
}

impl BucketRecord {
    /// A bucket without any settings.
    pub fn new(name: &str, created: DateTime<Utc>) -> BucketRecord {
        BucketRecord {
            name: name.to_owned(),
            created,
            versioning: Versioning::Never,
            lifecycle: Vec::new(),
            policy: None,
        }
    }
}

/// Writes a record so that a crash leaves the old one or the new one, never half of it.
pub fn write(path: &Path, record: &impl Serialize) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, serde_json::to_vec(record)?)?;
    std::fs::rename(unfinished, path)
}

/// All records of a folder.
pub fn read_all<T: DeserializeOwned>(folder: &Path) -> io::Result<Vec<T>> {
    let mut records = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let record = serde_json::from_slice(&std::fs::read(&path)?);
            records.push(record.map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?);
        }
    }
    Ok(records)
}
