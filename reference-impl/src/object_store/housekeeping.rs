//! What the store must have before anybody uses it: the buckets, and the rules by which old objects go (feature 6, 27).

use std::time::Duration;

use tracing::{info, warn};

use super::{ObjectStore, StoreError};
use crate::config::Buckets;
use crate::startup::Context;

/// Pause after the first attempt in vain; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Sees to it in the background, as often as it takes: the service starts without its store.
pub fn begin(context: &Context, store: ObjectStore) {
    let (clock, gate) = (context.clock.clone(), context.gate.clone());
    let buckets = context.settings.object_store.buckets.clone();
    let work = async move {
        let mut pause = FIRST_PAUSE;
        while let Err(error) = make(&store, &buckets).await {
            warn!(error = %error, pause_seconds = pause.as_secs_f64(), "Object store is not ready, will retry");
            clock.sleep("object store", pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        info!(endpoint = store.endpoint(), "Object store is ready");
    };
    tokio::spawn(async move {
        tokio::select! {
            () = work => {}
            () = gate.closed() => {}
        }
    });
}

async fn make(store: &ObjectStore, buckets: &Buckets) -> Result<(), StoreError> {
    for bucket in buckets.names() {
        store.make_bucket(bucket).await?;
    }
    store.make_lifecycle(&buckets.diagrams, "delete-old-deleted-diagrams", "deleted/", 90).await?;
    store.make_lifecycle(&buckets.exports, "delete-old-exports", "", 30).await
}
