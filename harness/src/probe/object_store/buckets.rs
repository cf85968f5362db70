//! Requests for buckets.

use super::StoreRequest;
use super::exchange::{children, text_of};
use roxmltree::Document;
use serde_json::{Value, json};

impl StoreRequest<'_> {
    /// The names of all buckets, as `/found`.
    pub fn buckets(self) -> Self {
        self.of("GET", "", "").shape(names)
    }

    /// Makes a bucket.
    pub fn make_bucket(self, bucket: &str) -> Self {
        self.of("PUT", bucket, "")
    }
}

fn names(xml: &Document<'_>) -> Value {
    let lists = children(xml.root_element(), "Buckets");
    let names = lists.flat_map(|list| children(list, "Bucket")).filter_map(|bucket| text_of(bucket, "Name"));
    json!(names.collect::<Vec<_>>())
}
