//! Feature 17: a circuit breaker keeps one failing service from dragging others down.

use crate::check::{Case, Check, Stop, at_least, below, is, one_of, such_that};
use crate::probe::Reply;
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Service, Setup};
use serde_json::json;
use std::time::Duration;

/// A route of ai-service, behind the breaker.
const ROUTE: &str = "/api/ai/health";
/// A path that ai-service does not know, and what it is called there.
const UNKNOWN: &str = "/api/ai/conformance-unknown";
const UNKNOWN_THERE: &str = "/conformance-unknown";
/// The gateway's gauge of its breakers.
const GAUGE: &str = "api_gateway_circuit_breaker_state";
/// Consecutive failures that open the breaker (contract, section 2.13).
const THRESHOLD: usize = 5;

pub const CHECK: Check = Check {
    feature: 17,
    revision: 3,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth, Service::Diagram, Service::Ai])),
    needs: &[Need::Address(Service::Gateway), Need::Control],
    control: "the breaker of another service stays closed and its requests succeed",
    sabotage: &[
        set_variable(
            "the breaker opens after 50 failures",
            Service::Gateway,
            "CIRCUIT_BREAKER_FAILURE_THRESHOLD",
            "50",
        ),
        set_variable(
            "the breaker opens after four failures",
            Service::Gateway,
            "CIRCUIT_BREAKER_FAILURE_THRESHOLD",
            "4",
        ),
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
    // Any answer is a success, whatever its status: the service lives.
    let unknown = case.http(Service::Gateway).get(UNKNOWN).bearer(&token).times(THRESHOLD + 1, 1).await?;
    case.expect("answers for a path that the service does not know", unknown.at("/answers"), is(json!({"404": 6})));
    state(case, "after six answers of 404", "closed").await?;

    case.step(2, "ai-service is made to fail by stopping it");
    stop(case).await?;
    let four = case.http(Service::Gateway).get(ROUTE).bearer(&token).times(THRESHOLD - 1, 1).await?;
    case.expect("answers to four requests", four.at("/answers"), is(json!({"503": 4})));
    state(case, "after four failures", "closed").await?;
    case.start_service(Service::Ai).await?;
    let between = get(case, ROUTE, &token).await?;
    case.expect("status of a request once the service is back", between.status(), is(200));
    stop(case).await?;

    case.step(3, "Five requests are sent to ai-service");
    let four = case.http(Service::Gateway).get(ROUTE).bearer(&token).times(THRESHOLD - 1, 1).await?;
    case.expect("answers to four requests after a success", four.at("/answers"), is(json!({"503": 4})));
    state(case, "after four failures in a row, for the success in between counts", "closed").await?;
    let before = case.moment();
    let fifth = get(case, ROUTE, &token).await?;
    let opened = case.moment();
    case.expect("status of the fifth request", fifth.status(), is(503));

    case.step(4, "The breaker is open once the failure threshold is reached");
    let breaker = state(case, "after five failures", "open").await?;
    let failures = breaker.at("/circuit_breakers/ai/failure_count");
    case.expect("failures counted", &failures, at_least(THRESHOLD as f64));
    case.expect("state of diagram-service's breaker", breaker.at("/circuit_breakers/diagram/state"), is("closed"));
    let control = get(case, "/api/diagrams/", &token).await?;
    case.expect("status of a request to diagram-service", control.status(), is(200));
    gauge_tells(case, 1.0).await?;

    case.step(5, "Further requests are refused at once, without waiting for the service");
    let refused = case.http(Service::Gateway).get(ROUTE).bearer(&token).times(10, 1).await?;
    case.expect("answers to ten more requests", refused.at("/answers"), is(json!({"503": 10})));
    case.expect("time that the ten took, in ms", refused.at("/ms"), below(5000.0));
    let counted = failures.value().clone();
    let breaker = breakers(case).await?;
    case.expect(
        "failures counted after ten refusals: the service was not asked",
        breaker.at("/circuit_breakers/ai/failure_count"),
        is(counted),
    );

    case.step(6, "ai-service is started again");
    case.start_service(Service::Ai).await?;
    let alive = case.health(Service::Ai).await?;
    case.expect("status of ai-service's own health", alive.status(), is(200));
    let still = get(case, UNKNOWN, &token).await?;
    case.expect("status while the breaker is open, though the service is well", still.status(), is(503));
    let asked = requests_that_arrived(case).await?;

    case.step(7, "The breaker closes after its trial requests succeed");
    case.pass_until(before, Duration::from_millis(28_800)).await?;
    let early = get(case, ROUTE, &token).await?;
    case.expect("status 28.8 s after the last failure", early.status(), is(503));
    // A trial that fails opens the breaker for another 30 s.
    stop(case).await?;
    case.pass_until(opened, Duration::from_millis(30_300)).await?;
    let failed = get(case, ROUTE, &token).await?;
    let reopened = case.moment();
    case.expect("status of a trial request that fails", failed.status(), is(503));
    state(case, "after a trial request that failed", "open").await?;
    case.start_service(Service::Ai).await?;
    let refused = get(case, ROUTE, &token).await?;
    case.expect("status right after a trial request that failed", refused.status(), is(503));
    case.pass_until(reopened, Duration::from_millis(30_300)).await?;
    let trial = get(case, UNKNOWN, &token).await?;
    case.expect("status of the first trial request, answered by the service", trial.status(), is(404));
    let asked_again = requests_that_arrived(case).await?;
    let half = breakers(case).await?;
    case.expect("state after one success", half.at("/circuit_breakers/ai/state"), one_of(["half_open", "half-open"]));
    let trial = get(case, ROUTE, &token).await?;
    case.expect("status of the second trial request", trial.status(), is(200));
    state(case, "after two successes", "closed").await?;
    gauge_tells(case, 0.0).await?;

    case.step(8, "Requests to ai-service succeed again");
    let again = case.http(Service::Gateway).get(ROUTE).bearer(&token).times(5, 1).await?;
    case.expect("answers to five requests", again.at("/answers"), is(json!({"200": 5})));

    case.step(5, "Further requests are refused at once, without waiting for the service");
    // The service was started twice since: what reached it while the breaker was open is known from the first time.
    // That none is counted means something only where one that arrives is.
    case.expect("requests that reached the service once the breaker let one through", asked_again, is(1.0));
    case.expect("refused requests that reached the service all the same", asked, is(0.0));
    Ok(())
}

async fn stop(case: &mut Case) -> Result<(), Stop> {
    case.stop_service(Service::Ai).await?;
    let dead = case.health(Service::Ai).await?;
    case.expect("silence of ai-service", dead.silence(), such_that("some silence", |seen| seen.is_string()));
    Ok(())
}

async fn state(case: &mut Case, when: &str, wanted: &str) -> Result<Reply, Stop> {
    let breaker = breakers(case).await?;
    case.expect(format!("state {when}"), breaker.at("/circuit_breakers/ai/state"), is(wanted));
    Ok(breaker)
}

/// The gauge of the breaker: 0 closed, 1 open, 2 half open (contract, section 3.5).
async fn gauge_tells(case: &mut Case, wanted: f64) -> Result<(), Stop> {
    let scrape = case.scrape(Service::Gateway).await?;
    let samples = scrape.at("/families").key(GAUGE).at("/samples").key(GAUGE).items();
    let ai = samples.into_iter().find(|sample| sample.at("/labels/service").text() == Some("ai"));
    let value = ai.map(|sample| sample.at("/value").value().clone());
    case.expect(format!("{GAUGE}{{service=\"ai\"}}"), value, is(wanted));
    Ok(())
}

/// Requests for the unknown path that ai-service has seen since it was started.
async fn requests_that_arrived(case: &mut Case) -> Result<f64, Stop> {
    let name = "ai_service_requests_total";
    let scrape = case.scrape(Service::Ai).await?;
    let samples = scrape.at("/families").key(name).at("/samples").key(name).items();
    let ours = samples.iter().filter(|sample| sample.at("/labels/path").text() == Some(UNKNOWN_THERE));
    Ok(ours.filter_map(|sample| sample.at("/value").number()).sum())
}

async fn get(case: &mut Case, path: &str, token: &str) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get(path).bearer(token).send().await
}

async fn breakers(case: &mut Case) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get("/health/circuit-breakers").send().await
}
