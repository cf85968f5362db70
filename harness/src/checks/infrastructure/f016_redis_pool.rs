//! Feature 16: a pool of Redis connections stands up to many callers at once.

use crate::check::{Case, Check, Seen, Stop, absent, between, is, present};
use crate::probe::Pending;
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Power, Server, Service, Setup};
use serde_json::json;
use std::time::Duration;

/// Leaves a trace of each execution, in auth-service; the gateway keeps its answer in Redis.
const OPERATION: &str = "/api/auth/test/create";
/// Says of an answer whether it came out of Redis.
const HIT: &str = "x-idempotency-hit";
/// Connections that there may be.
const MOST: usize = 50;
/// More callers than that.
const CROWD: usize = 80;
/// A pool that has not grown for so long grows no more, or has not by the time that Redis goes on.
const STILL: Duration = Duration::from_millis(400);
const GROWN: Duration = Duration::from_millis(3500);
const LONGEST: Duration = Duration::from_secs(60);

pub const CHECK: Check = Check {
    feature: 16,
    revision: 2,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth])),
    needs: &[Need::Address(Service::Gateway), Need::Redis, Need::Disposable, Need::TestEndpoints],
    control: "an operation under a new key runs, under a known one it is answered from Redis",
    sabotage: &[
        set_variable("the gateway has one connection to Redis", Service::Gateway, "REDIS_POOL_SIZE", "1"),
        set_variable("the gateway opens up to 60 connections to Redis", Service::Gateway, "REDIS_POOL_SIZE", "60"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "The Redis pool is set to at most 50 connections");
    let reset = case.http(Service::Gateway).post("/api/auth/test/counter/reset").send().await?;
    case.require("status of resetting the count of executions", reset.status(), is(200))?;
    let grown = crowd(case).await?;
    case.expect("connections while 80 operations wait for Redis", pool(&grown).len(), between(2.0, MOST as f64));

    case.step(2, "50 operations that need Redis run at once");
    let keys = keys(case, MOST);
    let first = at_once(case, &keys)?;
    let answers = case.answers(first, Some(HIT)).await?;
    case.expect("answers to 50 operations under new keys", &answers, is(json!({"200 false": MOST})));
    let counter = case.http(Service::Gateway).get("/api/auth/test/counter").send().await?;
    case.expect("executions so far", counter.at("/count"), is(CROWD + MOST));

    case.step(3, "All 50 are served over connections of the pool, and none fails");
    let again = at_once(case, &keys)?;
    let answers = case.answers(again, Some(HIT)).await?;
    case.expect("answers to the same 50 operations", &answers, is(json!({"200 true": MOST})));
    let before = clients(case).await?;
    case.expect("connections afterwards", pool(&before).len(), between(2.0, MOST as f64));

    case.step(4, "Later operations use connections that are already open");
    round(case).await?;
    let after = clients(case).await?;
    case.expect("connections opened for 50 more operations", opened(&before, &after), absent());
    case.expect("connections that are still open", pool(&after), present());

    case.step(5, "After Redis has been restarted, operations succeed again without restarting the service");
    let saturated = restart(case).await?;

    case.step(6, "Once the load is over, the number of connections does not grow from round to round");
    // Elsewhere others may come and go in the same Redis; ours is known to grow no new one either.
    let ours = saturated.is_some();
    let first = saturated.unwrap_or(after);
    let most = pool(&first).len();
    case.expect("connections after the first round", most, between(2.0, MOST as f64));
    for number in 2..=4 {
        round(case).await?;
        let now = clients(case).await?;
        if ours {
            case.expect(format!("connections that are new after round {number}"), opened(&first, &now), absent());
        }
        case.expect(format!("connections after round {number}"), pool(&now).len(), between(1.0, most as f64));
    }
    Ok(())
}

/// 80 operations at once, while Redis writes nothing: the connections once all of them wait.
async fn crowd(case: &mut Case) -> Result<Seen, Stop> {
    let keys = keys(case, CROWD);
    let paused = case.redis(0, &["CLIENT", "PAUSE", "4000", "WRITE"]).await?;
    case.expect("reply of Redis to being asked to pause", &paused, is("OK"));
    let pending = at_once(case, &keys)?;
    let grown = case.redis_clients(STILL, GROWN).await?;
    let resumed = case.redis(0, &["CLIENT", "UNPAUSE"]).await?;
    case.expect("reply of Redis to being asked to go on", &resumed, is("OK"));
    let answers = case.answers(pending, Some(HIT)).await?;
    case.expect("answers to 80 operations", &answers, is(json!({"200 false": CROWD})));
    Ok(grown)
}

/// 50 operations at once.
async fn round(case: &mut Case) -> Result<(), Stop> {
    let keys = keys(case, MOST);
    let pending = at_once(case, &keys)?;
    let answers = case.answers(pending, Some(HIT)).await?;
    case.expect("answers to 50 operations", &answers, is(json!({"200 false": MOST})));
    Ok(())
}

/// Redis is ended and started: the connections once a crowd has come again.
async fn restart(case: &mut Case) -> Result<Option<Seen>, Stop> {
    if !case.has(Need::Power(Power::Over(Server::Redis))) {
        return Ok(None);
    }
    let before = case.process(Service::Gateway).await?;
    case.stop_server(Server::Redis).await?;
    let without = case.http(Service::Gateway).get("/api/auth/health").send().await?;
    case.expect("silence of the gateway while Redis is away", without.silence(), absent());
    case.start_server(Server::Redis).await?;
    let saturated = crowd(case).await?;
    let keys = keys(case, MOST);
    for (hit, what) in [("200 false", "new keys"), ("200 true", "known keys")] {
        let pending = at_once(case, &keys)?;
        let answers = case.answers(pending, Some(HIT)).await?;
        let wanted = json!({hit: MOST});
        case.expect(format!("answers to 50 operations under {what} after the restart"), &answers, is(wanted));
    }
    let after = case.process(Service::Gateway).await?;
    case.expect("process of the gateway", after.at("/pid"), is(before.at("/pid")));
    Ok(Some(saturated))
}

fn keys(case: &mut Case, count: usize) -> Vec<String> {
    (0..count).map(|_| case.id()).collect()
}

fn at_once(case: &mut Case, keys: &[String]) -> Result<Vec<Pending>, Stop> {
    let start = |key: &String| {
        let operation = case.http(Service::Gateway).post(OPERATION).header("idempotency-key", key);
        operation.deadline(LONGEST).start()
    };
    keys.iter().map(start).collect()
}

async fn clients(case: &mut Case) -> Result<Seen, Stop> {
    case.redis_clients(Duration::ZERO, Duration::ZERO).await
}

/// Connections of the pool: a pool keeps to one database, and this is the one with the most.
fn pool(clients: &Seen) -> Vec<u64> {
    let number = |client: &Seen, field: &str| client.at(field).number().unwrap_or_default() as u64;
    let all: Vec<(u64, u64)> =
        clients.items().iter().map(|client| (number(client, "/db"), number(client, "/id"))).collect();
    let of = |database: u64| all.iter().filter(move |(db, _)| *db == database).map(|(_, id)| *id);
    let largest = all.iter().map(|(db, _)| *db).max_by_key(|db| (of(*db).count(), *db)).unwrap_or_default();
    of(largest).collect()
}

fn opened(before: &Seen, after: &Seen) -> Vec<u64> {
    let before = pool(before);
    pool(after).into_iter().filter(|id| !before.contains(id)).collect()
}
