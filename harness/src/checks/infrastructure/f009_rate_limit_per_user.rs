//! Feature 9: the gateway admits 100 requests a minute for each user.

use crate::actor::Actor;
use crate::check::{Case, Check, Stop, absent, below, is, present};
use crate::probe::Reply;
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Service, Setup};
use serde_json::json;
use std::time::Duration;

/// Two routes, for the limit is the user's and not the path's.
const DIAGRAMS: &str = "/api/diagrams/";
const AI: &str = "/api/ai/health";

pub const CHECK: Check = Check {
    feature: 9,
    revision: 2,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth, Service::Diagram, Service::Ai])),
    needs: &[Need::Address(Service::Gateway)],
    control: "another user is admitted while the first is limited",
    sabotage: &[
        set_variable("the gateway admits 101 requests", Service::Gateway, "RATE_LIMIT_PER_USER", "101"),
        set_variable("the gateway admits 99 requests", Service::Gateway, "RATE_LIMIT_PER_USER", "99"),
        set_variable("the limit holds for ten minutes", Service::Gateway, "RATE_LIMIT_WINDOW_SECONDS", "600")
            .and_red(&[10]),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "A user signs in and holds a JWT");
    let actor = case.newcomer().await?;
    let signed_in = case.sign_in(&actor).await?;
    case.require("status of signing in", signed_in.status(), is(200))?;
    case.expect("user of the token", signed_in.claims("access_token").at("/sub"), is(actor.id.as_str()));
    let token = signed_in.token("access_token");
    let other = case.newcomer().await?;
    let others_token = case.token_of(&other).await?;

    for _ in 0..2 {
        // What a check before this one has stopped, the gateway may still approach with care: two successes end that.
        get(case, AI, &others_token).await?;
    }

    case.step(2, "The user sends 100 requests within one minute");
    let before = case.moment();
    let some = case.http(Service::Gateway).get(DIAGRAMS).bearer(&token).times(60, 4).await?;
    let more = case.http(Service::Gateway).get(AI).bearer(&token).times(40, 4).await?;
    let after = case.moment();
    let took = some.at("/ms").number().unwrap_or(f64::MAX) + more.at("/ms").number().unwrap_or(f64::MAX);
    case.expect("time that the 100 requests took, in ms", took, below(60_000.0));

    case.step(3, "All 100 are admitted and succeed");
    case.expect(format!("answers to 60 requests for {DIAGRAMS}"), some.at("/answers"), is(json!({"200": 60})));
    case.expect(format!("answers to 40 requests for {AI}"), more.at("/answers"), is(json!({"200": 40})));

    case.step(4, "The user sends request number 101");
    let one_more = get(case, DIAGRAMS, &token).await?;
    case.expect("silence after request 101", one_more.silence(), absent());

    case.step(5, "Request 101 is answered 429");
    case.expect("status of request 101", one_more.status(), is(429));
    case.expect("what the refusal says", one_more.at("/error"), present());
    let title = limited_in_every_way(case, &actor, &token).await?;
    if case.can(Need::Sql) {
        let made = case.rows(&format!("select count(*) as made from files where title = '{title}'")).await?;
        case.expect("diagrams made by a request that was refused", made.at("/0/made"), is(0));
    }
    let control = get(case, DIAGRAMS, &others_token).await?;
    case.expect("status of another user's request at the same time", control.status(), is(200));

    case.step(6, "One minute passes");
    case.pass_until(before, Duration::from_millis(58_800)).await?;
    let early = get(case, DIAGRAMS, &token).await?;
    case.expect("status 58.8 s after the first request", early.status(), is(429));
    case.pass_until(after, Duration::from_millis(60_300)).await?;

    case.step(7, "The limit has been reset and requests succeed again");
    let again = case.http(Service::Gateway).get(DIAGRAMS).bearer(&token).times(100, 4).await?;
    case.expect("answers to 100 requests in the next minute", again.at("/answers"), is(json!({"200": 100})));
    let limited = get(case, DIAGRAMS, &token).await?;
    case.expect("status of request 101 in the next minute", limited.status(), is(429));
    Ok(())
}

/// Another path, another query, another method and another token are of the same user: the title of the diagram that
/// must not have been made.
async fn limited_in_every_way(case: &mut Case, actor: &Actor, token: &str) -> Result<String, Stop> {
    for (what, path) in [("another path", AI), ("another query", "/api/diagrams/?page=2")] {
        let reply = get(case, path, token).await?;
        case.expect(format!("status of a request beyond the limit with {what}"), reply.status(), is(429));
    }
    let title = case.word();
    let post = case.http(Service::Gateway).post(DIAGRAMS).bearer(token);
    let created = post.json(json!({"title": title, "file_type": "canvas"})).send().await?;
    case.expect("status of a POST beyond the limit", created.status(), is(429));
    let second_token = case.token_of(actor).await?;
    let reply = get(case, DIAGRAMS, &second_token).await?;
    case.expect("status of a request beyond the limit with another token", reply.status(), is(429));
    Ok(title)
}

async fn get(case: &mut Case, path: &str, token: &str) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get(path).bearer(token).send().await
}
