//! Feature 17: a circuit breaker keeps one failing service from dragging others down.

use crate::check::{Case, Check, Stop, at_least, below, is, one_of, such_that};
use crate::probe::Reply;
use crate::sabotage::set_variable;
use crate::target::{Need, Service, Setup};
use serde_json::json;
use std::time::Duration;

/// A route of ai-service, behind the breaker.
const ROUTE: &str = "/api/ai/health";
/// Consecutive failures that open the breaker (contract, section 2.13).
const THRESHOLD: usize = 5;

pub const CHECK: Check = Check {
    feature: 17,
    revision: 1,
    setup: Setup::Own {
        services: &[Service::Gateway, Service::Auth, Service::Diagram, Service::Ai],
        silent: &[],
    },
    needs: &[Need::Address(Service::Gateway), Need::Control],
    control: "the breaker of another service stays closed and its requests succeed",
    sabotage: &[
        set_variable("the breaker opens after 50 failures", Service::Gateway, "CIRCUIT_BREAKER_FAILURE_THRESHOLD", "50"),
        set_variable("the breaker opens after four failures", Service::Gateway, "CIRCUIT_BREAKER_FAILURE_THRESHOLD", "4"),
        set_variable("the breaker stays open for ten minutes", Service::Gateway, "CIRCUIT_BREAKER_OPEN_SECONDS", "600"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;

    case.step(1, "A circuit breaker guards ai-service, with its thresholds visible");
    let breaker = breakers(case).await?;
    case.require("state of the breaker", breaker.at("/circuit_breakers/ai/state"), is("closed"))?;
    case.expect("failure_threshold", breaker.at("/circuit_breakers/ai/failure_threshold"), is(THRESHOLD));
    case.expect("success_threshold", breaker.at("/circuit_breakers/ai/success_threshold"), is(2));
    case.expect("timeout, in s", breaker.at("/circuit_breakers/ai/timeout"), is(30));
    let sound = get(case, ROUTE, &token).await?;
    case.require("status while the service is well", sound.status(), is(200))?;

    case.step(2, "ai-service is made to fail by stopping it");
    case.stop_service(Service::Ai).await?;
    let dead = case.health(Service::Ai).await?;
    case.expect("silence of ai-service", dead.silence(), such_that("some silence", |seen| seen.is_string()));

    case.step(3, "Five requests are sent to ai-service");
    let four = case.http(Service::Gateway).get(ROUTE).bearer(&token).times(THRESHOLD - 1, 1).await?;
    case.expect("answers to four requests", four.at("/answers"), is(json!({"503": 4})));
    let breaker = breakers(case).await?;
    case.expect("state after four failures", breaker.at("/circuit_breakers/ai/state"), is("closed"));
    let fifth = get(case, ROUTE, &token).await?;
    case.expect("status of the fifth request", fifth.status(), is(503));

    case.step(4, "The breaker is open once the failure threshold is reached");
    let breaker = breakers(case).await?;
    case.expect("state after five failures", breaker.at("/circuit_breakers/ai/state"), is("open"));
    let failures = breaker.at("/circuit_breakers/ai/failure_count");
    case.expect("failures counted", &failures, at_least(THRESHOLD as f64));
    case.expect("state of diagram-service's breaker", breaker.at("/circuit_breakers/diagram/state"), is("closed"));
    let control = get(case, "/api/diagrams/", &token).await?;
    case.expect("status of a request to diagram-service", control.status(), is(200));

    case.step(5, "Further requests are refused at once, without waiting for the service");
    let refused = case.http(Service::Gateway).get(ROUTE).bearer(&token).times(10, 1).await?;
    case.expect("answers to ten more requests", refused.at("/answers"), is(json!({"503": 10})));
    case.expect("time that the ten took, in ms", refused.at("/ms"), below(2000.0));
    let breaker = breakers(case).await?;
    let counted = failures.value().clone();
    case.expect(
        "failures counted after ten refusals: the service was not asked",
        breaker.at("/circuit_breakers/ai/failure_count"),
        is(counted),
    );

    case.step(6, "ai-service is started again");
    case.start_service(Service::Ai).await?;
    let alive = case.health(Service::Ai).await?;
    case.expect("status of ai-service's own health", alive.status(), is(200));
    let still = get(case, ROUTE, &token).await?;
    case.expect("status while the breaker is open, though the service is well", still.status(), is(503));

    case.step(7, "The breaker closes after its trial requests succeed");
    case.pass(Duration::from_secs(28)).await?;
    let early = get(case, ROUTE, &token).await?;
    case.expect("status after 28 s", early.status(), is(503));
    case.pass(Duration::from_secs(3)).await?;
    let trial = get(case, ROUTE, &token).await?;
    case.expect("status of the first trial request", trial.status(), is(200));
    let half = breakers(case).await?;
    case.expect("state after one success", half.at("/circuit_breakers/ai/state"), one_of(["half_open", "half-open"]));
    let trial = get(case, ROUTE, &token).await?;
    case.expect("status of the second trial request", trial.status(), is(200));
    let closed = breakers(case).await?;
    case.expect("state after two successes", closed.at("/circuit_breakers/ai/state"), is("closed"));

    case.step(8, "Requests to ai-service succeed again");
    let again = case.http(Service::Gateway).get(ROUTE).bearer(&token).times(5, 1).await?;
    case.expect("answers to five requests", again.at("/answers"), is(json!({"200": 5})));
    Ok(())
}

async fn get(case: &mut Case, path: &str, token: &str) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get(path).bearer(token).send().await
}

async fn breakers(case: &mut Case) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get("/health/circuit-breakers").send().await
}
