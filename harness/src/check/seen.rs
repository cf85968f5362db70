//! A part of an observation in a check's hands. Looking at it is noted, so that tampering knows where it must be noticed.

use super::{Look, Reads};
use serde_json::Value;
use std::sync::Arc;

/// A place in an observation. Missing parts are `null`: absence is an observation.
#[derive(Debug, Clone)]
pub struct Seen {
    whole: Arc<Value>,
    seq: u32,
    pointer: String,
    reads: Reads,
}

impl Seen {
    /// The whole of an observation.
    pub fn new(whole: Arc<Value>, seq: u32, reads: Reads) -> Seen {
        Seen { whole, seq, pointer: String::new(), reads }
    }

    /// The part at a JSON pointer (RFC 6901), `/body/status`; `null` where there is none. Going there is not yet looking.
    pub fn at(&self, pointer: &str) -> Seen {
        Seen {
            whole: self.whole.clone(),
            seq: self.seq,
            pointer: format!("{}{pointer}", self.pointer),
            reads: self.reads.clone(),
        }
    }

    /// The part under a key that may hold any character.
    pub fn key(&self, key: &str) -> Seen {
        self.at(&format!("/{}", key.replace('~', "~0").replace('/', "~1")))
    }

    /// The elements of an array; none where it is not an array.
    pub fn items(&self) -> Vec<Seen> {
        self.reads.note(self.seq, &self.pointer, Look::Shape);
        let count = self.here().as_array().map_or(0, Vec::len);
        (0..count).map(|at| self.at(&format!("/{at}"))).collect()
    }

    /// The keys of an object, in order; none where it is not an object.
    pub fn keys(&self) -> Vec<String> {
        self.reads.note(self.seq, &self.pointer, Look::Shape);
        let object = self.here().as_object();
        object.map_or_else(Vec::new, |object| object.keys().cloned().collect())
    }

    /// The value with everything below it.
    pub fn value(&self) -> &Value {
        self.reads.note(self.seq, &self.pointer, Look::Value);
        self.here()
    }

    /// Whether something stands there, without noting a look: for what only decides whether there is anything to look at.
    pub(crate) fn holds(&self, pointer: &str) -> bool {
        self.here().pointer(pointer).is_some_and(|value| !value.is_null())
    }

    fn here(&self) -> &Value {
        self.whole.pointer(&self.pointer).unwrap_or(&Value::Null)
    }

    /// The value as text, if it is text.
    pub fn text(&self) -> Option<&str> {
        self.value().as_str()
    }

    /// The value as a number, if it is a number.
    pub fn number(&self) -> Option<f64> {
        self.value().as_f64()
    }

    /// Whether there is anything but `null`.
    pub fn is_there(&self) -> bool {
        !self.value().is_null()
    }
}

impl From<&Seen> for Value {
    fn from(seen: &Seen) -> Value {
        seen.value().clone()
    }
}

impl From<Seen> for Value {
    fn from(seen: Seen) -> Value {
        seen.value().clone()
    }
}
