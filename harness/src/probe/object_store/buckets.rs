//! Requests for buckets.

use super::StoreRequest;
use super::exchange::{cannot, children, text_of};
use crate::check::{Case, Live, Seen, Stop};
use crate::target::Need;
use roxmltree::Document;
use serde_json::{Value, json};
use std::sync::Arc;

impl Case {
    /// What answers at the address of the main store's console: `/status`, `/content_type`.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the target names no console.
    pub async fn console(&mut self) -> Result<Seen, Stop> {
        self.needs(Need::StoreConsole)?;
        self.observe("s3", json!("console"), async |live: Arc<Live>| {
            let console = live.target.object_store.as_ref().and_then(|store| store.console.as_ref());
            let console = console.ok_or_else(|| cannot("the target names no console"))?;
            let answer = live.http.get(console).send_within(live.patience.answer).await;
            Ok(match answer {
                Ok(answer) => {
                    json!({"status": answer.status().as_u16(), "content_type": answer.header("content-type")})
                }
                Err(error) => json!({"silence": error.to_string()}),
            })
        })
        .await
    }
}

impl StoreRequest<'_> {
    /// The names of all buckets, as `/found`.
    pub fn buckets(self) -> Self {
        self.of("GET", "", "").shape(names)
    }

    /// Makes a bucket.
    pub fn make_bucket(self, bucket: &str) -> Self {
        self.of("PUT", bucket, "")
    }

    /// Removes a bucket, which must be empty.
    pub fn remove_bucket(self, bucket: &str) -> Self {
        self.of("DELETE", bucket, "")
    }
}

fn names(xml: &Document<'_>) -> Value {
    let lists = children(xml.root_element(), "Buckets");
    let names = lists.flat_map(|list| children(list, "Bucket")).filter_map(|bucket| text_of(bucket, "Name"));
    json!(names.collect::<Vec<_>>())
}
