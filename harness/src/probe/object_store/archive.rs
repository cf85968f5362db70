//! The archive of a bucket's backup, a tar.gz, as an object of a store.

use super::StoreRequest;
use super::exchange::{Reading, sha256};
use crate::probe::http::read_json;
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use std::io::Read;

/// The file in an archive that tells of it (contract, section 3.15).
const METADATA: &str = ".backup_metadata.json";
/// More of an archive is not unpacked.
const LONGEST: u64 = 64 << 20;
/// More entries are not looked at.
const MOST_ENTRIES: usize = 10_000;

impl StoreRequest<'_> {
    /// Reads the archive of a backup: its `/found/entries` with `key`, `size` and `sha256`, by key, and what it says
    /// of itself as `/found/metadata`.
    pub fn archive(self, bucket: &str, key: &str) -> Self {
        let mut request = self.of("GET", bucket, key);
        request.spec.reading = Reading::Archive;
        request
    }
}

pub(super) fn entries(body: &[u8]) -> Value {
    match unpack(body) {
        Ok(found) => found,
        Err(error) => json!({"damaged": error.to_string()}),
    }
}

fn unpack(body: &[u8]) -> std::io::Result<Value> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(body).take(LONGEST));
    let (mut entries, mut metadata) = (Vec::<Value>::new(), Value::Null);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_dir() {
            continue;
        }
        // As `tar` writes it where it is told to take a folder.
        let path = entry.path_bytes();
        let key = String::from_utf8_lossy(path.strip_prefix(b"./").unwrap_or(&path)).into_owned();
        if entries.len() == MOST_ENTRIES {
            return Err(std::io::Error::other(format!("it has more than {MOST_ENTRIES} entries")));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        if key == METADATA && metadata.is_null() {
            metadata = read_json(&bytes).unwrap_or_default();
        } else {
            entries.push(json!({"key": key, "size": bytes.len(), "sha256": sha256(&bytes)}));
        }
    }
    // Nobody promises an order; a key that is there twice stays so.
    entries.sort_by(|one, other| one["key"].as_str().cmp(&other["key"].as_str()));
    Ok(json!({"entries": entries, "metadata": metadata}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_archive_is_seen_to_be_damaged() {
        assert!(entries(b"hello").get("damaged").is_some());
    }
}
