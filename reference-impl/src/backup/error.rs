//! Why a backup, a restore or a drill did not come about.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::ApiError;
use crate::object_store::StoreError;

/// What went wrong, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no such backup.
    #[error("there is no backup called {0:?}; GET /api/admin/backup/list shows those there are")]
    Unknown(String),
    /// A parameter does not fit.
    #[error("{field}: {message}")]
    Invalid {
        /// The parameter.
        field: &'static str,
        /// What it may be.
        message: String,
    },
    /// As things stand, it is not possible; somebody must change them first.
    #[error("{0}")]
    Refused(String),
    /// A program of PostgreSQL is not on this machine.
    #[error("{program} of PostgreSQL {major} is not on this machine; install it, or set PG_BIN to its folder")]
    NoProgram {
        /// Which one.
        program: &'static str,
        /// The version of the server.
        major: u32,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed ({how}): {said}")]
    Program {
        /// Which one.
        program: &'static str,
        /// Its exit status, or that its time was up.
        how: String,
        /// The end of what it said.
        said: String,
    },
    /// The database did not do what it was asked.
    #[error("cannot {doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: sqlx::Error,
    },
    /// A file or folder could not be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A store for copies away from here did not do what it was asked.
    #[error(transparent)]
    OffSite(#[from] StoreError),
}

impl BackupError {
    /// For `map_err` on what the database is asked.
    pub fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> BackupError {
        move |source| BackupError::Database { doing, source }
    }

    /// For `map_err` on what the file system is asked.
    pub fn file(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> BackupError {
        let path = path.as_ref().to_owned();
        move |source| BackupError::File { doing, path, source }
    }

    /// A parameter that does not fit.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> BackupError {
        BackupError::Invalid { field, message: message.into() }
    }
}

impl From<BackupError> for ApiError {
    fn from(error: BackupError) -> ApiError {
        match error {
            BackupError::Unknown(_) => ApiError::NotFound(error.to_string()),
            BackupError::Invalid { field, message } => ApiError::invalid("value_invalid", &["query", field], message),
            BackupError::Refused(_) | BackupError::NoProgram { .. } => ApiError::Conflict(error.to_string()),
            BackupError::OffSite(source) => source.into(),
            BackupError::Database { source, .. } if matches!(source, sqlx::Error::Io(_)) => source.into(),
            _ => ApiError::internal("the work on backups", error),
        }
    }
}
