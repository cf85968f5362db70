//! Feature 15: services share a pool of database connections whose size can be set.

use crate::check::{Case, Check, Seen, Stop, absent, at_least, between, is, one_of};
use crate::probe::{Held, Pending};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Service, Setup};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Reads the user from the database.
const ROUTE: &str = "/me";
/// Holds up every statement about users until it is let go.
const LOCK: &str = "lock table users in access exclusive mode";
/// Connections to the database that are not the harness's, with the name that the service gave them: it may have others
/// beside its pool, to watch statements or to listen.
const CONNECTIONS: &str = "select pid, extract(epoch from backend_start)::text as since, application_name as of, \
         wait_event_type is not distinct from 'Lock' as waits \
     from pg_stat_activity where datname = current_database() and backend_type = 'client backend' \
     and application_name <> 'conform' order by backend_start, pid";

/// Permanent connections, and all that there may be.
const PERMANENT: usize = 10;
const ALL: usize = 30;
/// How long the harness itself waits for an answer.
const LONGEST: Duration = Duration::from_secs(90);
/// What needs a moment is there by then.
const SOON: Duration = Duration::from_secs(10);
/// By then a pool has closed what it had opened beyond its permanent connections; many wait ten seconds, or half a minute.
const CLOSED: Duration = Duration::from_secs(45);

/// After a load the service may look into what was slow, on connections that it opens for that: the later requests
/// are sent again until it is through.
const ROUNDS: usize = 8;

pub const CHECK: Check = Check {
    feature: 15,
    revision: 5,
    setup: Setup::Own(Own::of(&[Service::Auth])),
    needs: &[Need::Address(Service::Auth), Need::Sql, Need::Disposable],
    control: "a caller that waits 28 s for a connection has not been refused yet",
    sabotage: &[
        set_variable("auth-service keeps five connections", Service::Auth, "POSTGRES_POOL_SIZE", "5"),
        set_variable("auth-service opens no more connections under load", Service::Auth, "POSTGRES_POOL_OVERFLOW", "0"),
        set_variable("callers wait an hour for a connection", Service::Auth, "POSTGRES_POOL_TIMEOUT_SECONDS", "3600"),
    ],
    run: |case| Box::pin(run(case)),
};

/// A connection of the pool: process of the database, and since when.
type Connection = (u64, String);

async fn run(case: &mut Case) -> Result<(), Stop> {
    let actor = case.actor().await?;
    if !case.makes_tokens() {
        case.needs(Need::Address(Service::Gateway))?;
    }
    let token = case.token_of(&actor).await?;

    case.step(2, "The service starts and its pool is in place");
    let first = case.http(Service::Auth).get(ROUTE).bearer(&token).send().await?;
    case.require("status of a request that needs the database", first.status(), is(200))?;
    let connections = case.rows(CONNECTIONS).await?;
    // Some may be other services'.
    case.expect("connections after one request", connections.items().len(), at_least(1.0));

    case.step(3, "10 requests that need the database are sent at once");
    let (lock, ten) = at_once(case, &token, PERMANENT).await?;
    let connections = waiting(case, PERMANENT).await?;
    let name = name_of(&connections);
    case.expect("requests that run in the database at once", held_up(&connections, &name), is(PERMANENT));

    case.step(4, "All 10 are served over connections of the pool");
    // One more where the connection of the request before is still on its way back into the pool.
    let (least, most) = (PERMANENT as f64, PERMANENT as f64 + 1.0);
    case.expect("connections of the pool", pool(&connections, &name).len(), between(least, most));
    case.release(lock, Duration::ZERO).await?;
    let answers = case.answers(ten, None).await?;
    case.expect("answers to 10 requests", &answers, is(json!({"200": PERMANENT})));

    case.step(5, "30 requests that need the database are sent at once");
    let (lock, mut all) = at_once(case, &token, ALL).await?;
    let connections = waiting(case, ALL).await?;
    case.expect("requests that run in the database at once", held_up(&connections, &name), is(ALL));

    case.step(6, "Connections beyond the 10 are opened, up to 30 in all");
    case.expect("connections of the pool", pool(&connections, &name).len(), is(ALL));
    for _ in 0..5 {
        all.push(start(case, &token)?);
    }
    case.until_waiting(Service::Auth, "database connection", 5).await?;
    let alive = case.health(Service::Auth).await?;
    case.expect("status of the service's health meanwhile", alive.status(), is(200));
    let connections = case.rows(CONNECTIONS).await?;
    case.expect("connections of the pool with 35 requests", pool(&connections, &name).len(), is(ALL));
    let answered = case.is_answered(&all[ALL]).await?;
    case.expect("request number 31 answered while all connections are taken", &answered, is(false));
    case.release(lock, Duration::ZERO).await?;
    let answers = case.answers(all, None).await?;
    case.expect("answers to 35 requests", &answers, is(json!({"200": 35})));

    case.step(1, "The pool is set to 10 permanent connections and an overflow of 20");
    let connections = settled(case, &name).await?;
    case.expect("connections that stay open after the load", pool(&connections, &name).len(), is(PERMANENT));

    case.step(7, "Later requests use connections that are already open");
    let (mut opened, mut left) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let before = pool(&settled(case, &name).await?, &name);
        let again = case.http(Service::Auth).get(ROUTE).bearer(&token).times(40, 2).await?;
        case.expect("answers to 40 more requests", again.at("/answers"), is(json!({"200": 40})));
        let after = pool(&case.rows(CONNECTIONS).await?, &name);
        left = after.len();
        opened = after.iter().filter(|one| !before.contains(one)).map(|(pid, _)| pid.to_string()).collect();
        if opened.is_empty() {
            break;
        }
    }
    case.expect("connections opened for them", opened, absent());
    case.expect("connections afterwards", left, between(1.0, PERMANENT as f64));

    case.step(8, "A caller that waits too long for a connection gets an error, and the next try succeeds");
    waits_too_long(case, &token, &name).await?;
    connections_are_lost(case, &token, &name).await
}

fn start(case: &mut Case, token: &str) -> Result<Pending, Stop> {
    case.http(Service::Auth).get(ROUTE).bearer(token).deadline(LONGEST).start()
}

/// So many requests, all of them held up in the database.
async fn at_once(case: &mut Case, token: &str, count: usize) -> Result<(Held, Vec<Pending>), Stop> {
    let lock = case.hold(LOCK).await?;
    let pending = (0..count).map(|_| start(case, token)).collect::<Result<_, _>>()?;
    Ok((lock, pending))
}

/// The connections, once so many are held up.
async fn waiting(case: &mut Case, count: usize) -> Result<Seen, Stop> {
    let enough = move |rows: &Value| {
        let rows = rows.as_array().into_iter().flatten().filter(|row| row["waits"] == true);
        let names: Vec<&str> = rows.filter_map(|row| row["of"].as_str()).collect();
        names.iter().any(|name| names.iter().filter(|other| *other == name).count() >= count)
    };
    case.rows_until(CONNECTIONS, SOON, enough).await
}

/// The connections, once no more of the pool are open than may stay.
async fn settled(case: &mut Case, name: &str) -> Result<Seen, Stop> {
    let name = name.to_owned();
    let few = move |rows: &Value| {
        let rows = rows.as_array().into_iter().flatten();
        rows.filter(|row| row["of"] == name.as_str()).count() <= PERMANENT
    };
    case.rows_until(CONNECTIONS, CLOSED, few).await
}

/// Connections of this name that are held up.
fn held_up(connections: &Seen, name: &str) -> usize {
    let all = connections.items();
    all.iter().filter(|one| one.at("/waits").value() == true && one.at("/of").text() == Some(name)).count()
}

/// What most of the connections that are held up call themselves: those that serve requests.
fn name_of(connections: &Seen) -> String {
    let mut counts = BTreeMap::<String, usize>::new();
    for one in connections.items() {
        let name = one.at("/of");
        if let (true, Some(name)) = (one.at("/waits").value() == true, name.text()) {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(name, _)| name).unwrap_or_default()
}

fn pool(connections: &Seen, name: &str) -> Vec<Connection> {
    let all = connections.items();
    let ours = all.iter().filter(|one| one.at("/of").text() == Some(name));
    let number = |one: &Seen| one.at("/pid").number().unwrap_or_default() as u64;
    ours.map(|one| (number(one), one.at("/since").text().unwrap_or_default().to_owned())).collect()
}

/// All connections are taken, and one more is asked for.
async fn waits_too_long(case: &mut Case, token: &str, name: &str) -> Result<(), Stop> {
    let (lock, all) = at_once(case, token, ALL).await?;
    let connections = waiting(case, ALL).await?;
    case.require("requests that run in the database at once", held_up(&connections, name), is(ALL))?;
    let before = case.moment();
    let surplus = start(case, token)?;
    case.until_waiting(Service::Auth, "database connection", 1).await?;
    let after = case.moment();
    case.pass_until(before, Duration::from_millis(28_000)).await?;
    let early = case.is_answered(&surplus).await?;
    case.pass_until(after, Duration::from_millis(30_300)).await?;
    let in_time = case.is_answered_within(&surplus, SOON).await?;
    let still = held_up(&case.rows(CONNECTIONS).await?, name);
    case.release(lock, Duration::ZERO).await?;
    let refused = case.answer(surplus).await?;
    let answers = case.answers(all, None).await?;
    if still < ALL {
        // Where queries have a deadline of their own (feature 34), connections come free before anybody has waited too long.
        case.lacks(Need::LongQueries);
        return Ok(());
    }
    case.expect("request answered after waiting 28 s for a connection", &early, is(false));
    case.expect("request answered after waiting 30.3 s for a connection", &in_time, is(true));
    case.expect("its status", refused.status(), one_of([500, 503, 504]));
    case.expect("answers to those who had a connection", &answers, is(json!({"200": ALL})));
    let next = case.http(Service::Auth).get(ROUTE).bearer(token).send().await?;
    case.expect("status of the next try", next.status(), is(200));
    Ok(())
}

/// Every connection is ended by the database; whoever notices succeeds with the next try.
async fn connections_are_lost(case: &mut Case, token: &str, name: &str) -> Result<(), Stop> {
    let ended = case
        .rows(
            "select count(pg_terminate_backend(pid)) as ended from pg_stat_activity \
             where datname = current_database() and application_name <> 'conform'",
        )
        .await?;
    case.expect("connections ended by the database", ended.at("/0/ended"), at_least(1.0));
    case.http(Service::Auth).get(ROUTE).bearer(token).times(20, 10).await?;
    let again = case.http(Service::Auth).get(ROUTE).bearer(token).times(20, 10).await?;
    case.expect(
        "answers to the next tries once all connections were lost",
        again.at("/answers"),
        is(json!({"200": 20})),
    );
    let connections = case.rows(CONNECTIONS).await?;
    case.expect("connections of the pool afterwards", pool(&connections, name).len(), between(1.0, ALL as f64));
    Ok(())
}
