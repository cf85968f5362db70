//! Removes a diagram: as its owner, or from the database.

use super::{Remains, rows};
use crate::actor::{Actor, Signature};
use crate::check::{CannotLook, Case, Stop};
use crate::ledger::{Owed, Thing};
use crate::target::{Need, Service};
use serde_json::json;

/// Long enough for a target whose clock a check has moved.
const TOKEN_LIFE_S: i64 = 10 * 365 * 86_400;

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
    if let Some(token) = fresh_token(case, owner, all).await? {
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
    for path in [path.clone(), format!("{path}?permanent=true")] {
        case.http(Service::Gateway).method("DELETE", &path).bearer(token).send().await?;
    }
    let reply = case.http(Service::Gateway).get(&path).bearer(token).send().await?;
    Ok(match (reply.status().number(), reply.silence().text()) {
        (Some(404.0), _) => None,
        (Some(status), _) => Some(format!("it was deleted and is still answered {status}")),
        (None, silence) => Some(silence.unwrap_or("no answer").to_owned()),
    })
}

/// The name of a new access token of a diagram's owner: made with the target's key, or got by signing in.
async fn fresh_token(case: &mut Case, owner: &str, all: &[Owed]) -> Result<Option<String>, Stop> {
    if case.can(Need::SigningKey) && !owner.is_empty() {
        let claims = json!({"sub": owner, "type": "access"});
        return case.forge(&claims, Some(TOKEN_LIFE_S), Signature::Right).await.map(Some);
    }
    for (email, password) in accounts(case, all) {
        let password = case.vault().seal("own password", &password);
        let reply = case.sign_in(&Actor { id: String::new(), email, password }).await?;
        if let Some(silence) = reply.silence().text() {
            return Err(CannotLook::new("http", format!("nobody can be signed in: {silence}")).into());
        }
        if reply.claims("access_token").at("/sub").text().is_some_and(|sub| sub == owner) {
            return Ok(Some(reply.token("access_token")));
        }
    }
    Ok(None)
}

/// Whoever may be the owner, with the password: the accounts of this run and those of the target file.
fn accounts(case: &Case, all: &[Owed]) -> Vec<(String, String)> {
    let registered = all.iter().filter_map(|one| match (&one.thing, &one.password) {
        (Thing::Account { email }, Some(password)) => Some((email.clone(), password.expose().to_owned())),
        _ => None,
    });
    let accounts = case.live_target().map(|live| live.target.accounts.clone()).unwrap_or_default();
    let given = accounts.all().iter().map(|account| (account.email.clone(), account.password.expose().to_owned()));
    given.chain(registered).collect()
}
