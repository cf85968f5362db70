//! What a double has received, for a check to read.

use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Everything that reached one double, oldest first, and whether it takes in more. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    received: Arc<Mutex<Vec<Value>>>,
    closed: Arc<AtomicBool>,
}

impl Inbox {
    /// From now on the double refuses, or takes in again, what reaches it.
    pub fn close(&self, closed: bool) {
        self.closed.store(closed, Ordering::Relaxed);
    }

    /// Whether the double refuses what reaches it.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Takes one more in.
    pub fn put(&self, one: Value) {
        self.received().push(one);
    }

    /// Everything so far.
    pub fn all(&self) -> Vec<Value> {
        self.received().clone()
    }

    fn received(&self) -> std::sync::MutexGuard<'_, Vec<Value>> {
        self.received.lock().expect("nothing panics while it holds this lock")
    }
}
