//! What came back.

use crate::check::Seen;

/// An answer, or the silence in its place.
pub struct Reply(Seen);

impl Reply {
    pub(crate) fn new(seen: Seen) -> Reply {
        Reply(seen)
    }

    /// The status; `null` where no answer came.
    pub fn status(&self) -> Seen {
        self.0.at("/status")
    }

    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Seen {
        self.0.at("/headers").key(name)
    }

    /// The body: JSON where it is JSON, else text.
    pub fn body(&self) -> Seen {
        self.0.at("/body")
    }

    /// A part of the body, by JSON pointer.
    pub fn at(&self, pointer: &str) -> Seen {
        self.body().at(pointer)
    }

    /// A number of the body, by its field; not a number where it is missing, which satisfies no matcher.
    pub fn number(&self, field: &str) -> f64 {
        self.body().key(field).number().unwrap_or(f64::NAN)
    }

    /// Claims of a token in the answer, by the field that holds it.
    pub fn claims(&self, field: &str) -> Seen {
        self.0.at("/claims").key(field).at("/claims")
    }

    /// Header of a token in the answer, by the field that holds it.
    pub fn token_header(&self, field: &str) -> Seen {
        self.0.at("/claims").key(field).at("/header")
    }

    /// Of an answer that was weighed: bytes of its body on the wire.
    pub fn wire_bytes(&self) -> Seen {
        self.0.at("/wire_bytes")
    }

    /// Of an answer that was weighed: bytes of its body once decoded; `null` where it cannot be.
    pub fn body_bytes(&self) -> Seen {
        self.0.at("/body_bytes")
    }

    /// A part of what the probe made of the answer, beside its body: `/found`, `/bytes`, `/sha256`, `/code` of a store.
    pub fn seen(&self, pointer: &str) -> Seen {
        self.0.at(pointer)
    }

    /// Of a store's answer: whether nothing came of what was asked for, but an empty body or an error's own.
    pub fn gives_nothing(&self) -> bool {
        self.seen("/bytes").number() == Some(0.0) || self.seen("/code").is_there()
    }

    /// What kind of silence it was; `null` where an answer came.
    pub fn silence(&self) -> Seen {
        self.0.at("/silence")
    }

    /// How long it took until the whole answer was there, in milliseconds.
    pub fn ms(&self) -> Seen {
        self.0.at("/ms")
    }

    /// The name of a token in the answer, to send it with; it can name nothing where there is none.
    pub fn token(&self, field: &str) -> String {
        self.body().key(field).text().unwrap_or("‹no token›").to_owned()
    }
}
