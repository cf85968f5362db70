//! Removes a diagram: as its owner, or from the database.

use super::asking::{ask, outcome};
use super::{Remains, rows, signing_in};
use crate::check::{Case, Stop};
use crate::ledger::Owed;

/// Removes a diagram, to the trash and from there for good. `all` may hold the account that it belongs to.
pub(super) async fn remove(
    case: &mut Case,
    (id, owner): (&str, &str),
    owed: &Owed,
    all: &[Owed],
) -> Result<(), Remains> {
    // What an answer called an id is only believed of a diagram that is the user's whom the check signed in as.
    if case.may_write().is_ok() && !owner.is_empty() {
        return rows::remove(case, "files", &format!("id = '{id}' and owner_id = '{owner}'")).await;
    }
    let mut why = "its owner cannot be signed in".to_owned();
    if let Some(token) = &owed.token {
        let token = case.vault().seal("access_token", token.expose());
        why = match as_owner(case, id, &token).await? {
            None => return Ok(()),
            Some(why) => why,
        };
    }
    // The token of the check may have expired since.
    if let Some(token) = signing_in::token_of(case, owner, all).await? {
        why = match as_owner(case, id, &token).await? {
            None => return Ok(()),
            Some(why) => why,
        };
    }
    Err(Remains(why))
}

/// Deletes a diagram with its owner's token: nothing once it is gone, else why it is not.
async fn as_owner(case: &mut Case, id: &str, token: &str) -> Result<Option<String>, Stop> {
    let path = format!("/api/diagrams/{id}");
    ask(case, "DELETE", &path, token).await?;
    let deleted = ask(case, "DELETE", &format!("{path}?permanent=true"), token).await?;
    let reply = ask(case, "GET", &path, token).await?;
    Ok(match (reply.status().number(), reply.silence().text()) {
        (Some(404.0), _) => None,
        (Some(status), _) => Some(format!("its DELETE was {}, and it is still answered {status}", outcome(&deleted))),
        (None, silence) => Some(silence.unwrap_or("no answer").to_owned()),
    })
}
