//! Passwords and keys, which must not reach a log.

use std::fmt;

/// A value that must not be shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the value in.
    pub fn new(value: String) -> Secret {
        Secret(value)
    }

    /// The value itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
