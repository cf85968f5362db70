//! Feature 3: Redis keeps sessions that live for 24 hours.

use super::stored_value::{all_keys, value_of};
use crate::actor::Actor;
use crate::check::{Case, Check, Stop, between, contains, is};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Service, Setup};
use serde_json::json;
use std::time::Duration;

/// Life of a session, in seconds.
const DAY: u32 = 86_400;

pub const CHECK: Check = Check {
    feature: 3,
    revision: 3,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth])),
    needs: &[Need::Redis],
    control: "a session with life left stays when another runs out",
    sabotage: &[set_variable("sessions live for two hours", Service::Auth, "SESSION_TTL_SECONDS", "7200")],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "Redis is started and answers on the deployment's address (port 6379 by default)");
    let info = case.redis(0, &["INFO", "server"]).await?;
    case.require("what the server says of itself", &info, contains("redis_version:"))?;

    case.step(2, "A client connects and gets PONG for PING");
    let pong = case.redis(0, &["PING"]).await?;
    case.expect("reply to PING", &pong, is("PONG"));

    case.step(3, "A session key is written with an expiry of 24 hours");
    let actor = case.actor().await?;
    let began = case.now().await?;
    let signed_in = session_of_a_sign_in(case, &actor).await?;
    let second = session_of_a_sign_in(case, &actor).await?;
    case.expect("whether signing in wrote a session to Redis", signed_in.is_some(), is(true));
    let database = signed_in.as_ref().map_or(0, |(database, _)| *database);
    if let Some((_, session)) = &signed_in {
        let first = case.redis(database, &["EXISTS", session]).await?;
        case.expect("session of the first sign-in after a second one", &first, is(1));
    }
    // Beside the system's session one of our own, to see that the store itself can keep one.
    let own = format!("session:{}", case.word());
    let content = case.id();
    let day = DAY.to_string();
    let written = case.redis(database, &["SET", &own, &content, "EX", &day]).await?;
    case.expect("reply to writing a session with 24 hours", &written, is("OK"));

    case.step(4, "TTL of the session key is 86400 s");
    if signed_in.is_none() {
        // The step before has failed; what Redis itself can do is shown all the same (contract, section 11, #3).
        case.observed_as("what a client of Redis wrote; signing in left no session there");
    }
    let session = signed_in.as_ref().map_or(&own, |(_, session)| session).clone();
    let ttl = case.redis(database, &["TTL", &session]).await?;
    let gone = case.now().await? - began;
    // Of the day, no more is gone than since before the sign-in; a TTL is told in whole seconds.
    let whole_day = |gone: f64| between(f64::from(DAY) - 1.0 - gone.max(0.0).ceil(), f64::from(DAY));
    case.expect("TTL of the session, in s", &ttl, whole_day(gone));
    let own_ttl = case.redis(database, &["TTL", &own]).await?;
    case.expect("TTL of a session just written, in s", &own_ttl, whole_day(gone));

    case.step(5, "After one second the TTL has gone down");
    let before = ttl.number().unwrap_or_default();
    let lower = move |reply: &serde_json::Value| reply.as_f64().is_some_and(|ttl| ttl < before);
    let later = case.redis_until(database, &["TTL", &session], Duration::from_millis(2500), lower).await?;
    case.expect("TTL of the session soon after, in s", &later, between(before - 60.0, before - 1.0));

    case.step(6, "The stored session reads back unchanged");
    if signed_in.is_some() {
        let stored = value_of(case, database, &session).await?;
        let whole = json!({"key": session, "value": stored.value()}).to_string();
        case.expect("session of the sign-in, which names its user", whole, contains(actor.id.as_str()));
    }
    let own_stored = case.redis(database, &["GET", &own]).await?;
    case.expect("session that was written", &own_stored, is(content.as_str()));

    case.step(7, "Once its TTL has run out the session is gone");
    case.observed_as("the rest of the session's life is shortened to 20 ms, for nobody waits 24 hours");
    let shortened = case.redis(database, &["PEXPIRE", &session, "20"]).await?;
    case.expect("reply to shortening the session's life", &shortened, is(1));
    let over = |reply: &serde_json::Value| *reply == 0;
    let gone = case.redis_until(database, &["EXISTS", &session], Duration::from_secs(2), over).await?;
    case.expect("sessions whose life has run out", &gone, is(0));
    let others = second.iter().map(|(_, key)| key).chain([&own]).filter(|other| **other != session);
    for other in others {
        let control = case.redis(database, &["EXISTS", other]).await?;
        case.expect("session with life left", &control, is(1));
    }
    case.redis(database, &["DEL", &own]).await?;
    Ok(())
}

/// Signs a user in and finds the session that the system wrote for it, if it did: database and key. Which name it has and
/// of which type it is, no step says; of several keys that name the user, the session is the one that lives longest.
async fn session_of_a_sign_in(case: &mut Case, actor: &Actor) -> Result<Option<(u8, String)>, Stop> {
    let before = all_keys(case).await?;
    let signed_in = case.sign_in(actor).await?;
    case.require("status of signing in", signed_in.status(), is(200))?;
    let mut found = Vec::new();
    for (database, key) in all_keys(case).await?.difference(&before) {
        let content = value_of(case, *database, key).await?;
        let is_told = !content.at("/error").is_there();
        if is_told && (key.contains(&actor.id) || content.value().to_string().contains(&actor.id)) {
            let ttl = case.redis(*database, &["TTL", key]).await?.number().unwrap_or(-2.0);
            found.push((ttl, *database, key.clone()));
        }
    }
    found.sort_by(|one, other| one.0.total_cmp(&other.0));
    Ok(found.pop().map(|(_, database, key)| (database, key)))
}
