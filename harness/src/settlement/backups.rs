//! Removes a backup of the database or of a bucket, with its copy in the store, as anybody who made one may.

use super::asking::{ask, outcome};
use super::{Remains, rows, signing_in};
use crate::check::Case;
use crate::ledger::Owed;

/// Removes the backup at a path of the gateway (contract, section 3.15).
pub(super) async fn remove(case: &mut Case, path: &str, owed: &Owed, all: &[Owed]) -> Result<(), Remains> {
    let mut why = "nobody can be signed in".to_owned();
    let own = owed.token.as_ref().map(|token| case.vault().seal("access_token", token.expose()));
    if let Some(token) = own {
        why = match deleted(case, path, &token).await? {
            None => return Ok(()),
            Some(why) => why,
        };
    }
    // The token may have expired since.
    if let Some((token, made)) = signing_in::any_token(case, all).await? {
        let left = deleted(case, path, &token).await;
        if let Some(email) = made {
            rows::remove(case, "users", &format!("email = '{email}'")).await?;
        }
        why = match left? {
            None => return Ok(()),
            Some(why) => why,
        };
    }
    Err(Remains(why))
}

/// Nothing once it is gone, else why it is not.
async fn deleted(case: &mut Case, path: &str, token: &str) -> Result<Option<String>, Remains> {
    let reply = ask(case, "DELETE", path, token).await?;
    Ok(match reply.status().number() {
        Some(200.0 | 204.0 | 404.0) => None,
        _ => Some(format!("DELETE {path} was {}", outcome(&reply))),
    })
}
