//! What services keep of their reads in Redis: after a restore it is of another past, and must go.

use std::sync::LazyLock;

use redis::Script;

use crate::redis::{CACHE, Pool};
use crate::startup::Context;

/// Removes every key that begins as those of kept reads do.
static FORGET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local cursor, removed = '0', 0
         repeat
           local page = redis.call('SCAN', cursor, 'MATCH', 'cache:*', 'COUNT', 1000)
           cursor = page[1]
           for _, key in ipairs(page[2]) do removed = removed + redis.call('UNLINK', key) end
         until cursor == '0'
         return removed",
    )
});

/// What is kept of reads.
pub(super) struct KeptReads(Pool);

impl KeptReads {
    /// Nothing is asked yet.
    pub(super) fn new(context: &Context) -> KeptReads {
        KeptReads(Pool::new(&context.settings, CACHE))
    }

    /// Forgets it all. The restore is done whatever comes of it: what is old goes by itself after a while.
    pub(super) async fn forget(&self) {
        match self.0.invoke::<u64>(&FORGET.prepare_invoke()).await {
            Ok(removed) => tracing::info!(removed, "What was kept of reads is forgotten"),
            Err(error) => tracing::error!(error = %error, "What was kept of reads cannot be forgotten, and may be old"),
        }
    }
}
