//! What a double has received, for a check to read.

use serde_json::Value;
use std::sync::{Arc, Mutex};

/// Everything that reached one double, oldest first. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Inbox(Arc<Mutex<Vec<Value>>>);

impl Inbox {
    /// Takes one more in.
    pub fn put(&self, one: Value) {
        self.received().push(one);
    }

    /// Everything so far.
    pub fn all(&self) -> Vec<Value> {
        self.received().clone()
    }

    fn received(&self) -> std::sync::MutexGuard<'_, Vec<Value>> {
        self.0.lock().expect("nothing panics while it holds this lock")
    }
}
