//! Requests for the versions of objects.

use super::StoreRequest;
use super::exchange::{Content, number_of, text_of};
use roxmltree::Document;
use serde_json::{Value, json};

impl StoreRequest<'_> {
    /// Has a bucket keep the versions of its objects.
    pub fn keep_versions(self, bucket: &str) -> Self {
        let text = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        self.of("PUT", bucket, "").query("versioning", "").content(Content::Text(text.to_owned()))
    }

    /// The versions of the objects whose keys begin with a prefix, as `/found`, the latest of each key first: `key`,
    /// `id`, `latest`, `size`, and `deleted` for a mark of deletion.
    pub fn versions(self, bucket: &str, prefix: &str) -> Self {
        self.of("GET", bucket, "").query("versions", "").query("prefix", prefix).shape(versions)
    }

    /// Means one version of the object.
    pub fn version(self, id: &str) -> Self {
        self.query("versionId", id)
    }
}

fn versions(xml: &Document<'_>) -> Value {
    let entries =
        xml.root_element().children().filter(|node| matches!(node.tag_name().name(), "Version" | "DeleteMarker"));
    let entry = |node: roxmltree::Node<'_, '_>| {
        json!({
            "key": text_of(node, "Key"),
            "id": text_of(node, "VersionId"),
            "latest": text_of(node, "IsLatest").as_deref() == Some("true"),
            "size": number_of(node, "Size"),
            "deleted": node.tag_name().name() == "DeleteMarker",
        })
    };
    entries.map(entry).collect()
}
