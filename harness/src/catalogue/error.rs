//! Why a catalogue could not be read: where in the file, and what was expected there.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The file could not be read at all.
    #[error("{} cannot be read ({cause}); name an existing feature list", path.display())]
    Unreadable {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The path leads to a directory.
    #[error("{} is a directory; name the feature list inside it", path.display())]
    Directory {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// Nothing is in the file.
    #[error("{}:1:1: the file is empty; expected an array of features", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The bytes are no text.
    #[error("{}:{line}:{column}: not UTF-8 from here on; save the file as UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line of the first wrong byte, from 1.
        line: usize,
        /// Its column in bytes, from 1.
        column: usize,
    },
    /// The text is no catalogue.
    #[error("{}:{line}:{column}: {place}: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in bytes; it is that of the last byte of what is wrong.
        column: usize,
        /// The entry and the key in it.
        place: Place,
        /// What is wrong and what was expected.
        problem: String,
    },
}

/// A place in the list, as a reader would name it: feature 41, `steps[2]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The number that belongs to the entry's position; none for the list as a whole.
    pub feature: Option<usize>,
    /// The path of keys inside the entry; empty for the entry as a whole.
    pub keys: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.feature, self.keys.as_str()) {
            (None, _) => f.write_str("the list"),
            (Some(number), "") => write!(f, "feature {number}"),
            (Some(number), keys) => write!(f, "feature {number}, `{keys}`"),
        }
    }
}
