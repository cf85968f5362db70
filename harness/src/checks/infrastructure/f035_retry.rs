//! Feature 35: passing failures are retried with pauses that double from attempt to attempt.

use crate::check::{Case, Check, Seen, Stop, at_least, between, is, one_of};
use crate::probe::{CutAt, Pending};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Part, Power, Service, Setup};
use serde_json::json;
use std::time::Duration;

/// Needs the database, once.
const OPERATION: &str = "/test/fast-query";
/// How long the harness itself waits: longer than all attempts together.
const LONGEST: Duration = Duration::from_secs(60);
/// An attempt that does not come by then does not come.
const ATTEMPT: Duration = Duration::from_secs(9);
/// Longer than the pause before the third attempt, whatever chance adds to it.
const PAUSE_OVER: Duration = Duration::from_secs(3);
/// How far the clock is moved at a time while a pause is measured, and how long an attempt is then looked out for.
const MOVE: Duration = Duration::from_millis(250);
const GLANCE: Duration = Duration::from_millis(30);
/// Moves after which no attempt is expected any more.
const MOST_MOVES: u32 = 60;

pub const CHECK: Check = Check {
    feature: 35,
    revision: 1,
    setup: Setup::Own(Own::of(&[Service::Auth]).with(&[Part::PostgresRelay])),
    needs: &[Need::Address(Service::Auth), Need::TestEndpoints, Need::Control, Need::Part(Part::PostgresRelay)],
    control: "a statement that the database refuses is not tried again",
    sabotage: &[
        set_variable("auth-service makes two attempts", Service::Auth, "RETRY_ATTEMPTS", "2"),
        set_variable("auth-service retries after a fifth of a second", Service::Auth, "RETRY_PAUSE_SECONDS", "0.2"),
        set_variable("auth-service retries after three seconds", Service::Auth, "RETRY_PAUSE_SECONDS", "3"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(2, "The database connection is made to fail for a short while");
    let sound = case.http(Service::Auth).get(OPERATION).send().await?;
    case.require("status while the database is there", sound.status(), is(200))?;
    // Of a service that starts, so that nobody else knocks meanwhile.
    case.stop_service(Service::Auth).await?;
    let cut = case.cut_postgres().await?;
    case.start_service(Service::Auth).await?;

    case.step(3, "The first attempt fails");
    let attempts = case.arrivals(cut, 1, ATTEMPT).await?;
    case.require("attempts to connect", attempts.items().len(), at_least(1.0))?;
    let alive = case.health(Service::Auth).await?;
    case.expect("status of the service's health meanwhile", alive.status(), is(200));

    case.step(4, "A retry follows after a pause of 1 s");
    let attempts = case.arrivals(cut, 2, ATTEMPT).await?;
    case.require("attempts to connect", attempts.items().len(), is(2))?;
    case.expect("pause before the second attempt, in ms", pause(&attempts, 1), between(600.0, 1700.0));

    case.step(7, "The database is there again by the third attempt");
    case.mend_postgres().await?;
    let attempts = case.arrivals(cut, 3, ATTEMPT).await?;
    case.require("attempts to connect", attempts.items().len(), is(3))?;

    case.step(5, "A retry follows after a pause of 2 s");
    case.expect("pause before the third attempt, in ms", pause(&attempts, 2), between(1350.0, 3400.0));

    case.step(8, "The operation succeeds in the end");
    let reply = case.http(Service::Auth).get(OPERATION).send().await?;
    case.expect("status of a request once the third attempt has succeeded", reply.status(), is(200));
    request_outlasts_the_failure(case).await?;

    case.step(1, "The retry policy is 3 attempts with exponential backoff");
    refused_statement_runs_once(case).await?;
    attempts_are_used_up(case).await?;

    case.step(6, "With one attempt more allowed, the next retry follows after a pause of 4 s");
    fourth_attempt(case).await
}

fn start(case: &mut Case) -> Result<Pending, Stop> {
    case.http(Service::Auth).get(OPERATION).deadline(LONGEST).start()
}

/// The database goes away once nobody is connecting any more.
async fn cut_in_peace(case: &mut Case) -> Result<CutAt, Stop> {
    let busy = "select count(*) as busy from pg_stat_activity where datname = current_database() \
         and application_name <> 'conform' and state is distinct from 'idle'";
    let calm = case.rows_until(busy, ATTEMPT, |rows| rows[0]["busy"] == 0).await?;
    case.require("connections that are not at rest", calm.at("/0/busy"), is(0))?;
    case.cut_postgres().await
}

/// A request that needs the database while it is away, and gets it at the second attempt.
async fn request_outlasts_the_failure(case: &mut Case) -> Result<(), Stop> {
    let cut = cut_in_peace(case).await?;
    let pending = start(case)?;
    attempt_comes(case, cut, 1).await?;
    case.until_waiting(Service::Auth, "retry", 1).await?;
    let answered = case.is_answered(&pending).await?;
    case.expect("request answered after the first attempt", &answered, is(false));
    case.mend_postgres().await?;
    case.pass(PAUSE_OVER).await?;
    let reply = case.answer(pending).await?;
    case.expect("status of a request sent while the database was away", reply.status(), is(200));
    // Once the database is there again, others may connect as well.
    let attempts = case.arrivals(cut, 2, ATTEMPT).await?;
    case.require("attempts to connect until it succeeded", attempts.items().len(), at_least(2.0))
}

/// From one attempt to the next, in ms.
fn pause(attempts: &Seen, number: usize) -> f64 {
    let at = |number: usize| attempts.at(&format!("/{number}")).number().unwrap_or(f64::NAN);
    at(number) - at(number - 1)
}

/// A trigger counts how often the statement runs, in a sequence, which no rollback turns back.
async fn refused_statement_runs_once(case: &mut Case) -> Result<(), Stop> {
    let email = format!("{}@example.com", case.word());
    case.execute(&[
        "create sequence conform_attempts",
        "create function conform_refuse() returns trigger language plpgsql as $$ begin \
         perform nextval('conform_attempts'); \
         raise exception 'refused' using errcode = 'invalid_parameter_value'; end $$",
        &format!(
            "create trigger conform_refuse before insert on users for each row \
             when (new.email = '{email}') execute function conform_refuse()"
        ),
    ])
    .await?;
    let body = json!({"email": email, "password": case.password()});
    let reply = case.http(Service::Auth).post("/register").json(body).deadline(LONGEST).send().await?;
    case.expect("status of a request that the database refuses", reply.status(), one_of([400, 409, 422, 500]));
    let runs = case.rows("select last_value as runs, is_called as counted from conform_attempts").await?;
    case.expect("statement that was refused has run", runs.at("/0/counted"), is(true));
    case.expect("runs of a statement that was refused", runs.at("/0/runs"), is(1));
    Ok(())
}

/// Three attempts fail, and the caller learns of it; there is no fourth.
async fn attempts_are_used_up(case: &mut Case) -> Result<(), Stop> {
    let cut = cut_in_peace(case).await?;
    let pending = start(case)?;
    for number in 1..3 {
        attempt_comes(case, cut, number).await?;
        case.until_waiting(Service::Auth, "retry", 1).await?;
        case.pass(PAUSE_OVER).await?;
    }
    attempt_comes(case, cut, 3).await?;
    let reply = case.answer(pending).await?;
    case.expect("status once the attempts are used up", reply.status(), one_of([500, 503]));
    let attempts = case.arrivals(cut, 4, Duration::ZERO).await?;
    case.expect("attempts to connect in all, where none succeeds", attempts.items().len(), is(3));
    Ok(())
}

/// Of a service that starts while its database is away, allowed five attempts.
async fn fourth_attempt(case: &mut Case) -> Result<(), Stop> {
    if !case.has(Need::Power(Power::Configure)) {
        return Ok(());
    }
    case.stop_service(Service::Auth).await?;
    let cut = case.cut_postgres().await?;
    case.start_service_with(Service::Auth, &[("RETRY_ATTEMPTS", Some("5"))]).await?;
    for number in 1..3 {
        attempt_comes(case, cut, number).await?;
        case.until_waiting(Service::Auth, "retry", 1).await?;
        case.pass(PAUSE_OVER).await?;
    }
    attempt_comes(case, cut, 3).await?;
    let fourth = measured_pause(case, cut, 4).await?;
    case.expect("pause before the fourth attempt, in ms", fourth, between(2800.0, 6500.0));
    case.until_waiting(Service::Auth, "retry", 1).await?;
    case.mend_postgres().await?;
    // A pause of 4 s, more or less a quarter, could also be the third of 1, 2 and 3 s; the next one cannot.
    let fifth = measured_pause(case, cut, 5).await?;
    case.expect("pause before an attempt after that, in ms", fifth, between(5700.0, 12_000.0));
    let reply = case.http(Service::Auth).get(OPERATION).send().await?;
    case.expect("status of a request once the last attempt has succeeded", reply.status(), is(200));
    Ok(())
}

/// The pause before an attempt, in ms: the clock is moved on little by little until it comes, and the time that was
/// skipped counts as well as that which has passed.
async fn measured_pause(case: &mut Case, cut: CutAt, number: usize) -> Result<f64, Stop> {
    case.until_waiting(Service::Auth, "retry", 1).await?;
    let moved = if case.can(Need::Patience(MOVE)) { Duration::ZERO } else { MOVE };
    let mut skipped = Duration::ZERO;
    for _ in 0..MOST_MOVES {
        let attempts = case.arrivals(cut, number, GLANCE).await?;
        if attempts.items().len() >= number {
            return Ok(pause(&attempts, number - 1) + skipped.as_secs_f64() * 1e3);
        }
        case.pass(MOVE).await?;
        skipped += moved;
    }
    let attempts = case.arrivals(cut, number, GLANCE).await?;
    case.require("attempts to connect", attempts.items().len(), at_least(number as f64))?;
    Ok(pause(&attempts, number - 1) + skipped.as_secs_f64() * 1e3)
}

async fn attempt_comes(case: &mut Case, cut: CutAt, number: usize) -> Result<(), Stop> {
    let attempts = case.arrivals(cut, number, ATTEMPT).await?;
    case.require(format!("attempts to connect by the time of number {number}"), attempts.items().len(), is(number))
}
