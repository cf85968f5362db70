//! Why a request to the object store did not do what was hoped for.

use crate::error::ApiError;

/// A fault of the store, or of a request to it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not answer.
    #[error("the object store at {endpoint} does not answer ({reason}); start it or correct MINIO_ENDPOINT")]
    Away {
        /// Where it should be.
        endpoint: String,
        /// What happened instead.
        reason: String,
    },
    /// It answered that it will not.
    #[error("the object store refused to {doing}: {status} {code}")]
    Refused {
        /// What it was asked to do.
        doing: String,
        /// The status it answered with.
        status: u16,
        /// Its own name for the reason.
        code: String,
    },
    /// Its answer makes no sense.
    #[error("the object store's answer to {doing} is not understood: {reason}")]
    Garbled {
        /// What it was asked to do.
        doing: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

impl StoreError {
    /// Whether it was refused for this reason.
    pub fn is(&self, wanted: &str) -> bool {
        matches!(self, StoreError::Refused { code, .. } if code == wanted)
    }

    /// Whether there is no such bucket.
    pub fn is_missing_bucket(&self) -> bool {
        self.is("NoSuchBucket")
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        match error {
            StoreError::Away { .. } => ApiError::store_away(error),
            other => ApiError::internal("a request to the object store", other),
        }
    }
}
