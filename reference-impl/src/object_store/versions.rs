//! Requests for all that a bucket holds: old versions and marks of deletion as well.

use bytes::Bytes;
use roxmltree::Document;
use rusty_s3::Method;

use super::answers::{decoded, text};
use super::request::Ask;
use super::{ObjectStore, StoreError};

/// One version of an object, or the mark that it was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The object's key.
    pub key: String,
    /// Id of the version; `null` where it was written while none were kept.
    pub id: String,
    /// Whether it is what a reader gets who names no version.
    pub latest: bool,
    /// Count of bytes.
    pub size: u64,
    /// Whether it is a mark of deletion.
    pub deleted: bool,
    /// When it was written, as the store tells it.
    pub modified: String,
}

impl ObjectStore {
    /// Everything in a bucket, by key, and of each key the oldest first.
    pub async fn versions(&self, bucket: &str) -> Result<Vec<Version>, StoreError> {
        let mut all = Vec::new();
        let (mut key, mut id): (Option<String>, Option<String>) = (None, None);
        loop {
            let mut ask =
                Ask::new("list versions", Method::Get, bucket, "").query("versions", "").query("encoding-type", "url");
            if let Some(key) = &key {
                ask = ask.query("key-marker", key);
            }
            if let Some(id) = &id {
                ask = ask.query("version-id-marker", id);
            }
            let answer = self.text(&ask, Bytes::new()).await?;
            let xml = Document::parse(&answer).map_err(|error| ask.garbled(error))?;
            all.extend(xml.root_element().children().filter_map(version));
            let (next_key, next_id) =
                (text(xml.root_element(), "NextKeyMarker"), text(xml.root_element(), "NextVersionIdMarker"));
            let more = text(xml.root_element(), "IsTruncated").as_deref() == Some("true");
            match next_key.filter(|_| more) {
                Some(next) => (key, id) = (Some(decoded(&next)), next_id),
                None => return Ok(ordered(all)),
            }
        }
    }
}

fn version(node: roxmltree::Node<'_, '_>) -> Option<Version> {
    let deleted = match node.tag_name().name() {
        "Version" => false,
        "DeleteMarker" => true,
        _ => return None,
    };
    Some(Version {
        key: decoded(&text(node, "Key")?),
        id: text(node, "VersionId").unwrap_or_else(|| "null".to_owned()),
        latest: text(node, "IsLatest").as_deref() == Some("true"),
        size: text(node, "Size").and_then(|size| size.parse().ok()).unwrap_or_default(),
        deleted,
        modified: text(node, "LastModified").unwrap_or_default(),
    })
}

/// A store tells versions and marks apart, and the latest first. The time decides, and among equals what is the
/// latest comes last.
fn ordered(mut all: Vec<Version>) -> Vec<Version> {
    all.reverse();
    all.sort_by(|one, other| (&one.key, one.latest, &one.modified).cmp(&(&other.key, other.latest, &other.modified)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(key: &str, id: &str, latest: bool, modified: &str) -> Version {
        let deleted = id == "mark";
        Version { key: key.into(), id: id.into(), latest, size: 1, deleted, modified: modified.into() }
    }

    #[test]
    fn versions_come_in_the_order_in_which_they_were_written() {
        // As a store tells them: versions first, then marks, the latest first.
        let told = vec![
            version("k", "4", true, "2025-01-01T00:00:02Z"),
            version("k", "2", false, "2025-01-01T00:00:01Z"),
            version("k", "1", false, "2025-01-01T00:00:01Z"),
            version("j", "5", true, "2025-01-01T00:00:09Z"),
            version("k", "mark", false, "2025-01-01T00:00:02Z"),
        ];
        let ids: Vec<String> = ordered(told).into_iter().map(|version| version.id).collect();
        assert_eq!(ids, ["5", "1", "2", "mark", "4"]);
    }
}
