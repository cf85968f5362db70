//! How backups are shown to those who ask over the network (contract, section 3.15).

use serde::Serialize;
use serde_json::{Value, json};

use super::Made;
use super::catalogue::Entry;
use super::manifest::Kind;
use super::off_site::Copied;
use crate::telemetry::json_log::written;

/// A backup in a list.
#[derive(Debug, Serialize)]
pub struct Listed {
    name: String,
    path: String,
    size_bytes: u64,
    size_mb: f64,
    modified: String,
    backup_type: Kind,
}

impl From<&Entry> for Listed {
    fn from(entry: &Entry) -> Listed {
        Listed {
            name: entry.file.clone(),
            path: entry.path.display().to_string(),
            size_bytes: entry.size,
            size_mb: megabytes(entry.size),
            modified: written(entry.modified),
            backup_type: entry.kind,
        }
    }
}

/// The copy of a backup in the store, in a list.
#[derive(Debug, Serialize)]
pub struct ListedCopy {
    name: String,
    key: String,
    size_bytes: u64,
    size_mb: f64,
    modified: String,
}

impl From<Copied> for ListedCopy {
    fn from(copy: Copied) -> ListedCopy {
        let Copied { name, key, size, modified } = copy;
        ListedCopy { name, key, size_bytes: size, size_mb: megabytes(size), modified }
    }
}

/// A backup that was just made, with its place in the log of changes if it has one.
pub fn made(Made { entry, key }: &Made, database: &str, timestamp: String) -> Value {
    let mut shown = json!({
        "backup_name": entry.name,
        "file_path": entry.path.display().to_string(),
        "file_size_bytes": entry.size,
        "file_size_mb": megabytes(entry.size),
        "format": entry.format.map(|format| format.word()),
        "backup_type": entry.kind,
        "timestamp": timestamp,
        "database": database,
        "uploaded_to_minio": key.is_some(),
        "minio_key": key,
        "success": true,
    });
    if let Some(span) = entry.manifest.as_ref().and_then(|manifest| manifest.span.as_ref()) {
        let segments = span.next_segment() - span.from.segment(span.segment_size);
        shown["system_identifier"] = json!(span.system_identifier);
        shown["parent"] = json!(span.parent);
        shown["from_lsn"] = json!(span.from);
        shown["to_lsn"] = json!(span.to);
        shown["wal_bytes"] = json!(span.to.since(span.from));
        shown["segments"] = json!(segments);
    }
    shown
}

fn megabytes(bytes: u64) -> f64 {
    (bytes as f64 / 1024.0 / 1024.0 * 100.0).round() / 100.0
}
