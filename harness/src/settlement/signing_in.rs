//! Signs in to the accounts that may remove what is left: those that the run registered and those of the target file.

use crate::actor::{Actor, SEEDED_PASSWORD, Signature};
use crate::check::{CannotLook, Case, Stop};
use crate::ledger::{Owed, Thing};
use crate::probe::Reply;
use crate::target::Need;
use serde_json::json;

/// Long enough for a target whose clock a check has moved.
const TOKEN_LIFE_S: i64 = 10 * 365 * 86_400;

/// The name of a new access token of one user: made with the target's key, or got by signing in.
pub(super) async fn token_of(case: &mut Case, owner: &str, all: &[Owed]) -> Result<Option<String>, Stop> {
    if case.can(Need::SigningKey) && !owner.is_empty() {
        let claims = json!({"sub": owner, "type": "access"});
        return case.forge(&claims, Some(TOKEN_LIFE_S), Signature::Right).await.map(Some);
    }
    for account in accounts(case, all) {
        let reply = sign_in(case, account).await?;
        if reply.claims("access_token").at("/sub").text().is_some_and(|sub| sub == owner) {
            return Ok(Some(reply.token("access_token")));
        }
    }
    Ok(None)
}

/// The name of a new access token of whoever can be signed in: one of the accounts, or one that is made for it where the
/// database may be written to. Whoever is made is named, to be removed again.
pub(super) async fn any_token(case: &mut Case, all: &[Owed]) -> Result<Option<(String, Option<String>)>, Stop> {
    for account in accounts(case, all) {
        let reply = sign_in(case, account).await?;
        if reply.claims("access_token").at("/sub").text().is_some() {
            return Ok(Some((reply.token("access_token"), None)));
        }
    }
    if case.may_write().is_err() || !case.can(Need::Disposable) {
        return Ok(None);
    }
    let made = case.newcomer().await?;
    let reply = case.sign_in(&made).await?;
    Ok(Some((reply.token("access_token"), Some(made.email))))
}

async fn sign_in(case: &mut Case, (email, password): (String, String)) -> Result<Reply, Stop> {
    let password = case.vault().seal("own password", &password);
    let reply = case.sign_in(&Actor { id: String::new(), email, password }).await?;
    match reply.silence().text() {
        Some(silence) => Err(CannotLook::new("http", format!("nobody can be signed in: {silence}")).into()),
        None => Ok(reply),
    }
}

/// Whoever may be the owner, with the password: the accounts of this run and those of the target file.
fn accounts(case: &Case, all: &[Owed]) -> Vec<(String, String)> {
    // One without a password of its own was written into the database, where that may be, with that of all such users.
    let seeded = case.may_write().is_ok().then_some(SEEDED_PASSWORD);
    let registered = all.iter().filter_map(|one| match &one.thing {
        Thing::Account { email } => {
            let password = one.password.as_ref().map(|own| own.expose()).or(seeded)?;
            Some((email.clone(), password.to_owned()))
        }
        _ => None,
    });
    let accounts = case.live_target().map(|live| live.target.accounts.clone()).unwrap_or_default();
    let given = accounts.all().iter().map(|account| (account.email.clone(), account.password.expose().to_owned()));
    given.chain(registered).collect()
}
