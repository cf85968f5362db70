//! What the object store holds: every version of every object takes up room, also those that nobody sees any more.

use futures_util::future::try_join_all;

use crate::object_store::{ObjectStore, StoreError};

/// What each bucket holds.
#[derive(Debug, Clone)]
pub struct Stored {
    /// All buckets of the store.
    pub buckets: Vec<Kept>,
}

/// What one bucket holds.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its name.
    pub bucket: String,
    /// Bytes of all versions of its objects.
    pub bytes: u64,
}

impl Stored {
    /// Bytes in all.
    pub fn total(&self) -> u64 {
        self.buckets.iter().map(|kept| kept.bytes).sum()
    }

    /// What a bucket holds, if there is such a bucket.
    pub fn of(&self, bucket: &str) -> Option<u64> {
        self.buckets.iter().find(|kept| kept.bucket == bucket).map(|kept| kept.bytes)
    }
}

/// Asks for all buckets at once; the sum is as old as the slowest answer.
pub(super) async fn measure(store: &ObjectStore) -> Result<Stored, StoreError> {
    let names = store.buckets().await?;
    let buckets = try_join_all(names.into_iter().map(|bucket| kept(store, bucket))).await?;
    Ok(Stored { buckets: buckets.into_iter().flatten().collect() })
}

async fn kept(store: &ObjectStore, bucket: String) -> Result<Option<Kept>, StoreError> {
    match store.versions(&bucket).await {
        Ok(versions) => {
            let bytes = versions.iter().map(|version| version.size).sum();
            Ok(Some(Kept { bucket, bytes }))
        }
        // Somebody removed it meanwhile.
        Err(error) if error.is_missing_bucket() => Ok(None),
        Err(error) => Err(error),
    }
}
