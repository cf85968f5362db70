//! Why a record could not be written or read.

use crate::disk::BadLine;
use crate::ledger::LedgerError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a record could not be written or read, and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A record is never written over another.
    #[error("{} already holds a record; name an empty or a new directory", dir.display())]
    Exists {
        /// The directory that was named.
        dir: PathBuf,
    },
    /// Two runs never write one record.
    #[error("{} is being written by another run; wait for its end, or name another directory", dir.display())]
    InUse {
        /// The directory that was named.
        dir: PathBuf,
    },
    /// There is nothing to go on with.
    #[error("the run in {} has come to its end; there is nothing to resume", dir.display())]
    Ended {
        /// The directory that was named.
        dir: PathBuf,
    },
    /// A run is resumed on what it began with.
    #[error("{} is of {recorded}, and this is {here}; resume it there, or begin a new record", dir.display())]
    OfAnother {
        /// The directory that was named.
        dir: PathBuf,
        /// What the record is of.
        recorded: String,
        /// What is here instead.
        here: String,
    },
    /// What was made on somebody else's system cannot be written down, or read again.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The disk refused.
    #[error("{} cannot be written: {source}; look for space and permissions", path.display())]
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A feature has one outcome in a record.
    #[error("feature {feature} already has an outcome in this record; one run checks it once")]
    Twice {
        /// The number of the feature.
        feature: u16,
    },
    /// There is no record where one was looked for.
    #[error("{} holds no record; name a directory with an outcomes.jsonl, as `conform run` leaves it", dir.display())]
    Missing {
        /// The directory that was named.
        dir: PathBuf,
    },
    /// A file could not be read at all.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A line is not what it should be.
    #[error("{}:{line}: expected {expected}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What should stand there, and what is wrong with what does.
        expected: String,
    },
}

impl RecordError {
    /// Of a line, from 1, that was not read at all.
    pub(super) fn bad_line(path: &Path, line: usize, bad: BadLine) -> RecordError {
        match bad {
            BadLine::TooLong => RecordError::Line { path: path.into(), line, expected: bad.to_string() },
            BadLine::Unreadable(source) => RecordError::Unreadable { path: path.into(), source },
        }
    }
}
