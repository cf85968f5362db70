//! A line of the ledger's file.

use super::Thing;
use crate::disk::{BadLine, Lines};
use crate::outcome::json_line;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// Why a ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The disk refused.
    #[error("{} cannot be written: {source}; nothing is made on the target that is not written down", path.display())]
    Unwritable {
        /// The ledger.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file could not be read at all.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The ledger.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A line is not what it should be.
    #[error("{}:{line}: expected a line of a ledger: {problem}", path.display())]
    Line {
        /// The ledger.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line {
    /// From what the passwords of this run's accounts follow.
    Key {
        /// The key.
        key: String,
    },
    /// This is about to be made.
    Owed {
        /// What.
        #[serde(flatten)]
        thing: Thing,
        /// Of an account: the id that its password was made from.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        password_of: Option<String>,
    },
    /// This is gone.
    Removed {
        /// What.
        #[serde(flatten)]
        thing: Thing,
    },
    /// This could not be removed.
    Left {
        /// What.
        #[serde(flatten)]
        thing: Thing,
        /// The reason.
        why: String,
    },
}

impl Line {
    /// As it stands in the file, with the line's end.
    pub(super) fn to_text(&self) -> String {
        json_line(self)
    }

    /// Without what a password was made from.
    pub(super) fn without_password(self) -> Line {
        match self {
            Line::Owed { thing, .. } => Line::Owed { thing, password_of: None },
            other => other,
        }
    }

    fn is_sound(&self) -> bool {
        match self {
            Line::Key { .. } => true,
            Line::Owed { thing, .. } | Line::Removed { thing } | Line::Left { thing, .. } => thing.is_sound(),
        }
    }
}

/// The lines of a ledger; none where there is no ledger. A last line that breaks off was never written.
pub(super) fn read(path: &Path) -> Result<Vec<Line>, LedgerError> {
    let lines = match Lines::open(path) {
        Ok(lines) => lines,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(source) => return Err(LedgerError::Unreadable { path: path.to_owned(), source }),
    };
    let mut read = Vec::new();
    for (at, text) in lines.enumerate() {
        let text = text.map_err(|bad| unread(path, at + 1, bad))?;
        if text.ends_with(b"\n") {
            let wrong = |problem| LedgerError::Line { path: path.to_owned(), line: at + 1, problem };
            read.push(parse(&text).map_err(wrong)?);
        }
    }
    Ok(read)
}

fn parse(text: &[u8]) -> Result<Line, String> {
    let line: Line = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    match line.is_sound() {
        true => Ok(line),
        false => Err("it names something that the suite never makes".to_owned()),
    }
}

/// Of a line, from 1, that was not read at all.
fn unread(path: &Path, line: usize, bad: BadLine) -> LedgerError {
    match bad {
        BadLine::TooLong => LedgerError::Line { path: path.to_owned(), line, problem: bad.to_string() },
        BadLine::Unreadable(source) => LedgerError::Unreadable { path: path.to_owned(), source },
    }
}
