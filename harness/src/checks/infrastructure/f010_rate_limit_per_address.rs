//! Feature 10: the gateway admits 1000 requests a minute from each address.

use crate::actor::Signature;
use crate::check::{Case, Check, Matcher, Stop, absent, below, is, present, such_that};
use crate::sabotage::{Sabotage, set_variable};
use crate::target::{Need, Own, Service, Setup};
use serde_json::json;
use std::time::Duration;

/// Two routes, one of them with a token, for the limit is the address's and neither the path's nor the user's.
const HEALTH: &str = "/api/auth/health";
const ME: &str = "/api/auth/me";
/// Users who send requests from the one address.
const USERS: usize = 4;
/// Requests that a system may send itself within a minute, such as to ask its services how they are.
const OTHERS: usize = 20;
/// Another client, from the addresses that are kept for documentation.
const OTHER: &str = "203.0.113.10";
/// Clients of the network of the one that is limited, by the last number of their address; each counts for itself.
const NEIGHBOURS: [u8; 2] = [0, 255];
/// In this time the requests of an address are forgotten.
const QUIET: Duration = Duration::from_millis(60_500);
/// Requests at a time.
const AT_ONCE: usize = 16;

pub const CHECK: Check = Check {
    feature: 10,
    revision: 3,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth])),
    needs: &[Need::Address(Service::Gateway)],
    control: "another address is admitted while the first is limited",
    sabotage: &[
        set_variable("the gateway admits 1001 requests", Service::Gateway, "RATE_LIMIT_PER_IP", "1001"),
        // Feature 42 sends its 1,000 requests from one address.
        set_variable("the gateway admits 999 requests", Service::Gateway, "RATE_LIMIT_PER_IP", "999").and_red(&[42]),
        // The window is the same for users, and feature 9 says so.
        Sabotage {
            also_red: &[9],
            ..set_variable("the limit holds for ten minutes", Service::Gateway, "RATE_LIMIT_WINDOW_SECONDS", "600")
        },
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "One address sends 1000 requests within one minute");
    if case.can(Need::Addresses) {
        return the_limit_holds(case).await;
    }
    // All checks come from one address then: those before this one must be forgotten, and this one before the next.
    case.pass(QUIET).await?;
    let ended = the_limit_holds(case).await;
    case.pass(QUIET).await?;
    ended
}

async fn the_limit_holds(case: &mut Case) -> Result<(), Stop> {
    let before = case.moment();
    // A single user would soon be at another limit (feature 9).
    let mut tokens = Vec::new();
    for _ in 0..USERS {
        let actor = case.actor().await?;
        tokens.push(case.token_of(&actor).await?);
    }
    let spent = USERS * requests_for_a_token(case);
    let began = case.now().await?;
    let some = case.http(Service::Gateway).get(HEALTH).times(700 - spent, AT_ONCE).await?;
    let mut more = Vec::new();
    for token in &tokens {
        more.push(case.http(Service::Gateway).get(ME).bearer(token).times(300 / USERS, AT_ONCE).await?);
    }
    let after = case.moment();
    let took = (case.now().await? - began) * 1000.0;
    case.expect("time that the 1000 requests took, in ms", took, below(60_000.0));

    case.step(2, "All 1000 are admitted and succeed");
    // Where the address is not the check's alone, the system's own requests from this machine count as well.
    let others = if case.can(Need::Addresses) { 0 } else { OTHERS };
    let requirement = format!("answers to requests for {HEALTH}");
    case.expect(requirement, some.at("/answers"), nearly_all(700 - spent, others));
    for more in &more {
        let requirement = format!("answers to {} requests of a user for {ME}", 300 / USERS);
        case.expect(requirement, more.at("/answers"), nearly_all(300 / USERS, others));
    }

    case.step(3, "The same address sends request number 1001");
    let one_more = case.http(Service::Gateway).get(HEALTH).send().await?;
    case.expect("silence after request 1001", one_more.silence(), absent());

    case.step(4, "Request 1001 is answered 429");
    case.require("status of request 1001", one_more.status(), is(429))?;
    case.expect("what the refusal says", one_more.at("/error"), present());
    limited_in_every_way(case, &tokens[0]).await?;

    case.step(5, "A request is sent from another address");
    if !case.has(Need::Addresses) {
        case.step(6, "The other address is admitted, as it has a counter of its own");
        return Err(Stop::Needs(Need::Addresses));
    }
    let other = case.http(Service::Gateway).get(HEALTH).header("x-forwarded-for", OTHER).send().await?;
    case.expect("silence after the other address's request", other.silence(), absent());

    case.step(6, "The other address is admitted, as it has a counter of its own");
    case.expect("status of the other address's request", other.status(), is(200));
    for last in NEIGHBOURS {
        let neighbour = case.neighbour(last);
        let reply = case.http(Service::Gateway).get(HEALTH).header("x-forwarded-for", &neighbour).send().await?;
        case.expect(format!("status of a request from {last} in the network of the first"), reply.status(), is(200));
    }
    let again = case.http(Service::Gateway).get(HEALTH).send().await?;
    case.expect("status of the first address's next request", again.status(), is(429));
    let others = case.http(Service::Gateway).get(HEALTH).header("x-forwarded-for", OTHER).times(50, AT_ONCE).await?;
    case.expect("answers to 50 more from the other address", others.at("/answers"), is(json!({"200": 50})));
    if !case.can(Need::Clock) && !case.can(Need::Patience(Duration::from_secs(60))) {
        return Ok(());
    }
    case.pass_until(before, Duration::from_millis(57_000)).await?;
    let early = case.http(Service::Gateway).get(HEALTH).send().await?;
    case.expect("status 57 s after the first request", early.status(), is(429));
    case.pass_until(after, Duration::from_millis(60_300)).await?;
    let next = case.http(Service::Gateway).get(HEALTH).times(20, AT_ONCE).await?;
    case.expect("answers to 20 requests in the next minute", next.at("/answers"), is(json!({"200": 20})));
    Ok(())
}

/// All of them 200, but for so many at most that are 429.
fn nearly_all(requests: usize, others: usize) -> Matcher {
    if others == 0 {
        return is(json!({"200": requests}));
    }
    such_that(format!("{requests} times 200, but for {others} times 429 at most"), move |answers| {
        let count = |status: &str| answers[status].as_u64().unwrap_or(0) as usize;
        count("200") + count("429") == requests && count("429") <= others
    })
}

/// Requests from this address to get a user, who has signed in or was registered unless written into the database, and a
/// token, for which they sign in unless it is made.
fn requests_for_a_token(case: &Case) -> usize {
    let written = case.can(Need::Sql) && case.can(Need::Disposable) && !case.can(Need::Account);
    usize::from(!written) + usize::from(!case.makes_tokens())
}

/// Other paths, other users and none are of the same address.
async fn limited_in_every_way(case: &mut Case, token: &str) -> Result<(), Stop> {
    let mut tokens = vec![("the same token", token.to_owned())];
    if case.can(Need::SigningKey) {
        let claims = json!({"sub": case.id(), "type": "access"});
        tokens.push(("another user's token", case.forge(&claims, Some(600), Signature::Right).await?));
    }
    for (what, token) in tokens {
        let reply = case.http(Service::Gateway).get(ME).bearer(&token).send().await?;
        case.expect(format!("status of a request beyond the limit with {what}"), reply.status(), is(429));
    }
    let login = json!({"email": "nobody@example.com", "password": "none of his"});
    let reply = case.http(Service::Gateway).post("/api/auth/login").json(login).send().await?;
    case.expect("status of a POST beyond the limit", reply.status(), is(429));
    Ok(())
}
