//! What can be wrong with a target file, and where in it.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why a target file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetFileError {
    /// The file cannot be read.
    #[error("the target file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something in the file is wrong.
    #[error("{}:{line}:{column}: {}{problem}", path.display(), Prefix(key))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// The key, as in `services.auth.url`; empty where the text is no TOML at all.
        key: String,
        /// What is wrong, and what was expected.
        problem: String,
    },
}

struct Prefix<'a>(&'a str);

impl std::fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, "{}: ", self.0)
    }
}

/// The text of a target file and where it came from.
pub(super) struct Source<'a> {
    path: &'a Path,
    pub(super) text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Source<'a> {
        Source { path, text }
    }

    /// An error at a range of bytes of the text.
    pub(super) fn wrong(&self, place: Range<usize>, key: &str, problem: &str) -> TargetFileError {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        TargetFileError::Wrong {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            key: if key == "." { String::new() } else { key.to_owned() },
            // The parser breaks some of its messages into lines; an error is one line here.
            problem: problem.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }

    /// A path in the file is relative to the file's folder.
    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}
