//! Feature 34: a request that takes too long is cut off instead of hanging.

use crate::check::{Case, Check, Stop, below, is, present};
use crate::probe::{Mark, Pending};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Service, Setup};
use std::time::Duration;

/// A 504 that is due is answered within this, really; short of the second that a deadline of 31 s would add.
const SOON: Duration = Duration::from_millis(550);
/// How long the harness itself waits: longer than anything that is waited for here.
const LONGEST: Duration = Duration::from_secs(60);

/// Statements of the probe of slow queries that run.
const SLEEPING: &str = "select count(*) as sleeping from pg_stat_activity where datname = current_database() \
     and state = 'active' and query ilike '%pg_sleep%' and application_name <> 'conform'";

pub const CHECK: Check = Check {
    feature: 34,
    revision: 4,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth]).silent(&[Service::Ai])),
    needs: &[Need::Address(Service::Gateway), Need::TestEndpoints],
    control: "a request of 25 s completes, and one of 35 s is still under way after 29.2 s",
    sabotage: &[
        set_variable("the deadline is an hour", Service::Gateway, "REQUEST_TIMEOUT", "3600"),
        set_variable("the deadline is 29 s", Service::Gateway, "REQUEST_TIMEOUT", "29"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    // All requests are under way at the same time, so that the deadline is waited for once.
    case.step(2, "A request that needs 25 s is sent");
    let silent_token = token_for_a_silent_service(case).await?;
    let before = case.moment();
    let shorter = start(case, "/api/auth/test/slow?delay=25", None)?;
    let longer = start(case, "/api/auth/test/slow?delay=35", None)?;
    let query = start(case, "/api/auth/test/slow-query?delay_ms=35000", None)?;
    let silent = match &silent_token {
        Some(token) => Some(start(case, "/api/ai/models", Some(token))?),
        None => None,
    };
    case.until_waiting(Service::Auth, "slow", 2).await?;
    case.until_waiting(Service::Gateway, "/test/slow", 3).await?;
    if silent.is_some() {
        case.until_waiting(Service::Gateway, "/api/ai/models", 1).await?;
    }
    let post = match &silent_token {
        Some(token) => {
            let log = mark(case).await?;
            let request = case.http(Service::Gateway).post("/api/ai/models").bearer(token);
            let post = request.json(serde_json::json!({})).deadline(LONGEST).start()?;
            case.until_waiting(Service::Gateway, "POST /api/ai/models", 1).await?;
            // Cut off before the gateway makes the call, it would be no failure of ai-service.
            if let Some(mark) = log {
                case.lines(mark, &["Forwarding request to service"], |line| line["method"] == "POST").await?;
            }
            Some(post)
        }
        None => None,
    };
    let under_way = case.moment();
    let log = mark(case).await?;
    case.pass_until(before, Duration::from_millis(24_000)).await?;
    let soon = case.is_answered(&shorter).await?;
    case.expect("request of 25 s answered within 24 s", &soon, is(false));

    case.step(3, "It completes with 200");
    case.pass_until(under_way, Duration::from_millis(25_200)).await?;
    let reply = case.answer(shorter).await?;
    case.expect("status of the request of 25 s", reply.status(), is(200));
    case.expect("what it answers", reply.at("/message"), present());

    case.step(4, "A request that needs 35 s is sent");
    case.pass_until(before, Duration::from_millis(29_200)).await?;
    let early = case.is_answered(&longer).await?;
    case.expect("request of 35 s answered within 29.2 s", &early, is(false));

    case.step(5, "It is cut off at 30 s with 504");
    case.pass_until(under_way, Duration::from_millis(30_300)).await?;
    let in_time = case.is_answered_within(&longer, SOON).await?;
    case.expect("request of 35 s answered 30.3 s after it was sent", &in_time, is(true));
    let cut = case.answer(longer).await?;
    case.expect("status 30.3 s after the request of 35 s was sent", cut.status(), is(504));
    case.expect("what the answer says", cut.at("/detail"), present());
    case.expect("correlation id of the answer", cut.header("x-correlation-id"), present());
    if let Some(mark) = log {
        // No step demands a line, but one that states the deadline must state it right (contract, section 3.2).
        let id = cut.header("x-correlation-id").text().unwrap_or("no id").to_owned();
        let lines = case.lines(mark, &[&id], |line| !line["timeout"].is_null()).await?;
        for line in lines.iter().filter(|line| line.at("/timeout").is_there()) {
            case.expect("level of the line about it", line.at("/level"), is("ERROR"));
            case.expect("timeout that the line states, in s", line.at("/timeout"), is(30));
        }
    }

    case.step(1, "The gateway's request deadline is 30 s");
    case.expect("deadline that the 504 states, in s", cut.at("/timeout"), is(30));

    case.step(6, "A database query that is too slow meets the same deadline");
    let cut = case.answer(query).await?;
    case.expect("status of a request whose query takes 35 s", cut.status(), is(504));
    let well = case.http(Service::Gateway).get("/api/auth/health").send().await?;
    case.expect("status of the service's health right after", well.status(), is(200));
    case.expect("time that this health took, in ms", well.ms(), below(2500.0));
    // The database lives by no test clock: where one was moved, its own deadline is still to come.
    if case.can(Need::Sql) && !case.can(Need::Clock) {
        let left = case.rows_until(SLEEPING, Duration::from_secs(2), |rows| rows[0]["sleeping"] == 0).await?;
        case.expect("statements that still sleep in the database", left.at("/0/sleeping"), is(0));
    }

    case.step(7, "A slow call to an outside service meets the same deadline");
    case.has(Need::Silent(Service::Ai));
    let (Some(silent), Some(post)) = (silent, post) else {
        return Ok(());
    };
    case.observed_as("a listener that accepts connections and never answers stands in for ai-service");
    let cut = case.answer(silent).await?;
    case.expect("status of a call to a service that never answers", cut.status(), is(504));
    case.expect("deadline that this 504 states, in s", cut.at("/timeout"), is(30));
    let in_time = case.is_answered_within(&post, SOON).await?;
    case.expect("POST to a service that never answers is answered as well", &in_time, is(true));
    let cut = case.answer(post).await?;
    case.expect("status of a POST to a service that never answers", cut.status(), is(504));
    let breakers = case.http(Service::Gateway).get("/health/circuit-breakers").send().await?;
    let failures = breakers.at("/circuit_breakers/ai/failure_count");
    case.expect("failures that the breaker counts for two calls cut off", failures, is(2));
    Ok(())
}

/// Where the gateway's log is at the moment, if there is one.
async fn mark(case: &mut Case) -> Result<Option<Mark>, Stop> {
    Ok(match case.can(Need::Log(Service::Gateway)) {
        true => Some(case.mark(Service::Gateway).await?),
        false => None,
    })
}

fn start(case: &mut Case, path: &str, token: Option<&str>) -> Result<Pending, Stop> {
    let mut request = case.http(Service::Gateway).get(path).deadline(LONGEST);
    if let Some(token) = token {
        request = request.bearer(token);
    }
    request.start()
}

async fn token_for_a_silent_service(case: &mut Case) -> Result<Option<String>, Stop> {
    if !case.can(Need::Silent(Service::Ai)) {
        return Ok(None);
    }
    let actor = case.actor().await?;
    Ok(Some(case.token_of(&actor).await?))
}
