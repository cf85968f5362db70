//! Why a statement came to nothing: the database does not know what it speaks of, or nobody could look.

use crate::check::CannotLook;
use serde_json::{Value, json};
use std::time::Duration;

/// Why a statement came to nothing.
pub(super) enum Refused {
    /// It names what the database does not know (SQLSTATE 42P01, 42703, 3F000): an observation.
    Undefined(String),
    /// The look failed.
    Cannot(CannotLook),
}

impl Refused {
    /// What the database said.
    pub(super) fn of(error: sqlx::Error) -> Refused {
        match error.as_database_error() {
            Some(said) if matches!(said.code().as_deref(), Some("42P01" | "42703" | "3F000")) => {
                Refused::Undefined(said.message().to_owned())
            }
            _ => Refused::Cannot(CannotLook::new("sql", error)),
        }
    }

    /// What is not known there is seen; what could not be looked at is none the wiser.
    pub(super) fn seen(self) -> Result<Value, CannotLook> {
        match self {
            Refused::Undefined(message) => Ok(json!({"undefined": message})),
            Refused::Cannot(reason) => Err(reason),
        }
    }
}

impl From<Refused> for CannotLook {
    fn from(refused: Refused) -> CannotLook {
        match refused {
            Refused::Undefined(message) => CannotLook::new("sql", message),
            Refused::Cannot(reason) => reason,
        }
    }
}

/// What a question to the database comes to, within a time: whoever hangs holds nobody up.
pub(super) async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Refused> {
    match tokio::time::timeout(time, work).await {
        Ok(done) => done.map_err(Refused::of),
        Err(_) => {
            let reason = format!("the database did not answer within {} s", time.as_secs_f64());
            Err(Refused::Cannot(CannotLook::new("sql", reason)))
        }
    }
}
