//! Why a backup could not be made, or not brought back.

use crate::error::ApiError;
use crate::object_store::StoreError;

/// A fault with backups.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The name is none.
    #[error("a backup's name has letters, digits, and - _ . inside, at most 128 of them")]
    Name,
    /// There is no such bucket.
    #[error("there is no such bucket")]
    NoBucket,
    /// There is no such backup.
    #[error("there is no such backup")]
    NoBackup,
    /// The name is in use.
    #[error("there is a backup of this name already, choose another or delete that one")]
    Taken,
    /// There is no other region.
    #[error("there is no store in another region, set MINIO_REPLICA_ENDPOINT")]
    NoReplica,
    /// The archive is damaged.
    #[error("the archive is damaged: {0}")]
    Damaged(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The local disk failed.
    #[error("the backup's file failed: {0}")]
    File(#[from] std::io::Error),
}

impl From<BackupError> for ApiError {
    fn from(error: BackupError) -> ApiError {
        match error {
            BackupError::Name => ApiError::invalid("value_invalid", &["query", "backup_name"], error.to_string()),
            BackupError::NoBucket | BackupError::NoBackup => ApiError::NotFound(error.to_string()),
            BackupError::Taken | BackupError::NoReplica => ApiError::BadRequest(error.to_string()),
            BackupError::Store(error) if error.is_missing_bucket() || error.is("InvalidBucketName") => {
                ApiError::NotFound(BackupError::NoBucket.to_string())
            }
            BackupError::Store(error) => error.into(),
            BackupError::Damaged(_) | BackupError::File(_) => ApiError::internal("a backup", error),
        }
    }
}
