//! Feature 9: the gateway admits 100 requests a minute for each user.

use crate::check::{Case, Check, Stop, absent, below, is, present};
use crate::probe::Reply;
use crate::sabotage::set_variable;
use crate::target::{Need, Service, Setup};
use serde_json::json;
use std::time::Duration;

/// Two routes, for the limit is the user's and not the path's.
const DIAGRAMS: &str = "/api/diagrams/";
const AI: &str = "/api/ai/health";

pub const CHECK: Check = Check {
    feature: 9,
    revision: 1,
    setup: Setup::Own {
        services: &[Service::Gateway, Service::Auth, Service::Diagram, Service::Ai],
        silent: &[],
    },
    needs: &[Need::Address(Service::Gateway)],
    control: "another user is admitted while the first is limited",
    sabotage: &[
        set_variable("the gateway admits 101 requests", Service::Gateway, "RATE_LIMIT_PER_USER", "101"),
        set_variable("the gateway admits 99 requests", Service::Gateway, "RATE_LIMIT_PER_USER", "99"),
        set_variable("the limit holds for ten minutes", Service::Gateway, "RATE_LIMIT_WINDOW_SECONDS", "600"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "A user signs in and holds a JWT");
    let actor = case.actor().await?;
    let signed_in = case.sign_in(&actor).await?;
    case.require("status of signing in", signed_in.status(), is(200))?;
    case.expect("user of the token", signed_in.claims("access_token").at("/sub"), is(actor.id.as_str()));
    let token = signed_in.token("access_token");
    let other = case.actor().await?;
    let others_token = case.token_of(&other).await?;

    case.step(2, "The user sends 100 requests within one minute");
    let some = case.http(Service::Gateway).get(DIAGRAMS).bearer(&token).times(60, 4).await?;
    let more = case.http(Service::Gateway).get(AI).bearer(&token).times(40, 4).await?;
    let took = some.at("/ms").number().unwrap_or(f64::MAX) + more.at("/ms").number().unwrap_or(f64::MAX);
    case.expect("time that the 100 requests took, in ms", took, below(60_000.0));

    case.step(3, "All 100 are admitted and succeed");
    case.expect(format!("answers to 60 requests for {DIAGRAMS}"), some.at("/answers"), is(json!({"200": 60})));
    case.expect(format!("answers to 40 requests for {AI}"), more.at("/answers"), is(json!({"200": 40})));

    case.step(4, "The user sends request number 101");
    let one_more = get(case, &token).await?;
    case.expect("silence after request 101", one_more.silence(), absent());

    case.step(5, "Request 101 is answered 429");
    case.expect("status of request 101", one_more.status(), is(429));
    case.expect("what the refusal says", one_more.at("/error"), present());
    let elsewhere = case.http(Service::Gateway).get(AI).bearer(&token).send().await?;
    case.expect("status of request 102, for another path", elsewhere.status(), is(429));
    let control = get(case, &others_token).await?;
    case.expect("status of another user's request at the same time", control.status(), is(200));

    case.step(6, "One minute passes");
    case.pass(Duration::from_secs(50)).await?;
    let early = get(case, &token).await?;
    case.expect("status after 50 s of the minute", early.status(), is(429));
    case.pass(Duration::from_secs(11)).await?;

    case.step(7, "The limit has been reset and requests succeed again");
    let after = case.http(Service::Gateway).get(DIAGRAMS).bearer(&token).times(20, 4).await?;
    case.expect("answers to 20 requests in the next minute", after.at("/answers"), is(json!({"200": 20})));
    Ok(())
}

async fn get(case: &mut Case, token: &str) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get(DIAGRAMS).bearer(token).send().await
}
