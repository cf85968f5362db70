//! Removes objects and buckets, with every version.

use super::Remains;
use crate::check::Case;
use crate::probe::{Reply, Store};

/// A listing has up to 1,000 entries; no bucket of a check has this many.
const MOST_LISTINGS: usize = 100;

/// Removes an object with all its versions.
pub(super) async fn remove_object(case: &mut Case, bucket: &str, key: &str) -> Result<(), Remains> {
    empty(case, bucket, key, |found| found == key).await?;
    let reply = case.store(Store::Main).head(bucket, key).send().await?;
    gone(&reply, "is asked about")
}

/// Removes a bucket with all that is in it.
pub(super) async fn remove_bucket(case: &mut Case, bucket: &str) -> Result<(), Remains> {
    empty(case, bucket, "", |_| true).await?;
    let reply = case.store(Store::Main).remove_bucket(bucket).send().await?;
    match reply.status().number() {
        Some(200.0 | 204.0) => Ok(()),
        _ => gone(&reply, "is removed"),
    }
}

/// Deletes the versions of all objects with these keys, listing after listing.
async fn empty(case: &mut Case, bucket: &str, prefix: &str, ours: impl Fn(&str) -> bool) -> Result<(), Remains> {
    for _ in 0..MOST_LISTINGS {
        let listing = case.store(Store::Main).versions(bucket, prefix).send().await?;
        let versions: Vec<(String, String)> = listing
            .seen("/found")
            .items()
            .iter()
            .filter_map(|entry| Some((entry.at("/key").text()?.to_owned(), entry.at("/id").text()?.to_owned())))
            .filter(|(key, _)| ours(key))
            .collect();
        if versions.is_empty() {
            return Ok(());
        }
        for (key, version) in versions {
            let reply = case.store(Store::Main).delete(bucket, &key).version(&version).send().await?;
            if !matches!(reply.status().number(), Some(200.0 | 204.0 | 404.0)) {
                return gone(&reply, "is emptied");
            }
        }
    }
    Err(Remains(format!("bucket {bucket} does not get empty")))
}

/// Only the answer that it is not there says so.
fn gone(reply: &Reply, what: &str) -> Result<(), Remains> {
    match (reply.status().number(), reply.silence().text()) {
        (Some(404.0), _) => Ok(()),
        (Some(status), _) => Err(Remains(format!("the S3 store answers {status} when it {what}"))),
        (None, silence) => Err(Remains(format!("the S3 store is silent: {}", silence.unwrap_or("no answer")))),
    }
}
