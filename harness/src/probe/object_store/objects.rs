//! Requests for objects: store, read, list, delete.

use super::StoreRequest;
use super::exchange::{Content, children, filler, number_of, sha256, text_of};
use roxmltree::Document;
use serde_json::{Value, json};

/// A seed and a count of bytes, in place of content too long to be written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filler {
    /// Fillers of different seeds differ.
    pub seed: u8,
    /// How many bytes.
    pub bytes: usize,
}

impl Filler {
    /// What the SHA-256 of an object with this content is.
    pub fn sha256(self) -> String {
        sha256(&filler(self.seed, self.bytes))
    }
}

impl StoreRequest<'_> {
    /// Stores a text as an object.
    pub fn put(self, bucket: &str, key: &str, text: &str) -> Self {
        self.of("PUT", bucket, key).content(Content::Text(text.to_owned()))
    }

    /// Stores many bytes as an object.
    pub fn put_filler(self, bucket: &str, key: &str, Filler { seed, bytes }: Filler) -> Self {
        self.of("PUT", bucket, key).content(Content::Filler { seed, bytes })
    }

    /// Reads an object: `/bytes`, `/sha256`, and `/body` where it is a short text.
    pub fn get(self, bucket: &str, key: &str) -> Self {
        self.of("GET", bucket, key)
    }

    /// Asks about an object without reading it.
    pub fn head(self, bucket: &str, key: &str) -> Self {
        self.of("HEAD", bucket, key)
    }

    /// Deletes an object.
    pub fn delete(self, bucket: &str, key: &str) -> Self {
        self.of("DELETE", bucket, key)
    }

    /// The objects whose keys begin with a prefix, as `/found`: `key` and `size` of each.
    pub fn list(self, bucket: &str, prefix: &str) -> Self {
        self.of("GET", bucket, "").query("list-type", "2").query("prefix", prefix).shape(contents)
    }
}

fn contents(xml: &Document<'_>) -> Value {
    let object = |node| json!({"key": text_of(node, "Key"), "size": number_of(node, "Size")});
    children(xml.root_element(), "Contents").map(object).collect()
}
