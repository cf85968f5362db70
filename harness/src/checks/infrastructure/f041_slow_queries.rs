//! Feature 41: slow database queries are noticed, explained and followed over time.

use super::indexes::until_usable;
use super::log_line::service_of;
use crate::actor::Actor;
use crate::check::{
    Case, Check, Seen, Stop, above, absent, at_least, at_most, below, between, contains, is, present, such_that,
};
use crate::probe::{Mark, Reply, total};
use crate::sabotage::{mute_log, set_variable};
use crate::target::{Need, Own, Power, Service, Setup};
use serde_json::Value;
use std::time::Duration;

/// What the line about a slow query has, and no other (contract, section 3.7); its message is prose.
const SLOW: &str = "query_duration_ms";
/// A query above this is slow, in ms.
const THRESHOLD_MS: f64 = 100.0;
/// What slows a sign-in down: its look-up waits this long for a lock.
const LOCKED: Duration = Duration::from_millis(130);
const LOCK: &str = "lock table users in access exclusive mode";

pub const CHECK: Check = Check {
    feature: 41,
    revision: 3,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth])),
    needs: &[Need::Log(Service::Auth), Need::Address(Service::Auth), Need::TestEndpoints],
    control: "a fast query, and one of 85 ms, are not logged as slow",
    sabotage: &[
        set_variable("only queries above 10 s count as slow", Service::Auth, "SLOW_QUERY_THRESHOLD_MS", "10000"),
        set_variable("queries above 5 ms count as slow", Service::Auth, "SLOW_QUERY_THRESHOLD_MS", "5"),
        mute_log("auth-service's log is lost", Service::Auth).and_red(&[7, 12, 18, 32, 37, 38, 39, 40]),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "Query monitoring is on: queries are timed and a threshold is stated");
    let mark = case.mark(Service::Auth).await?;
    // The fast queries go first: once the slow one is logged, a wrong warning about them would be there, too.
    let (fast_id, fast) = quickly(case, "fast-query").await?;
    case.expect("status of the fast probe", fast.status(), is(200));
    case.expect("result of the fast probe", fast.at("/result"), is(1));
    let (nearly_id, nearly) = nearly_slow(case).await?;
    case.expect("status of the probe that is nearly slow", nearly.status(), is(200));
    let slow_id = case.id();
    let slow = probe(case, "slow-query?delay_ms=200", &slow_id).await?;
    let lines = case.lines(mark, &[SLOW], |line| is_about(line, &slow_id, 200.0)).await?;
    let ours: Vec<&Seen> = lines.iter().filter(|line| is_about(line.value(), &slow_id, 200.0)).collect();
    case.expect("lines about the probe of 200 ms", ours.len(), is(1));
    let line = ours.first().map_or_else(|| case.silence(), |&line| line.clone());
    case.require("line about the probe of 200 ms", &line, present())?;
    case.expect("threshold that the line states, in ms", line.at("/slow_query_threshold_ms"), is(100));
    case.expect("level of the line", line.at("/level"), is("WARNING"));
    case.expect("service of the line", service_of(&line), is("auth-service"));
    case.expect("timestamp of the line", line.at("/timestamp"), present());

    case.step(2, "A query slower than 100 ms is run");
    case.expect("status of the slow probe", slow.status(), is(200));
    case.expect("delay that the slow probe reports, in ms", slow.at("/delay_ms"), is(200));
    case.expect("time until its answer, in ms", slow.ms(), at_least(200.0));
    let several = several_at_once(case).await?;

    case.step(3, "The slow query is logged with its duration");
    lasted(case, "the probe of 200 ms", &line, 200.0, &slow);
    precise_to_hundredths(case, &line);
    case.expect("text of the query", line.at("/query"), contains("pg_sleep"));
    let length = line.at("/query").text().map(|text| text.chars().count());
    case.expect("length of the text, in characters", length, at_most(500.0));
    let shortest = lines.iter().filter_map(duration_of).reduce(f64::min);
    case.expect("shortest duration logged as slow, in ms", shortest, above(100.0));
    fast_queries_leave_no_warning(case, mark, &[&fast_id, &nearly_id], &slow_id).await?;
    told_apart(case, several).await?;

    case.step(4, "The plan of the slow query is logged");
    case.expect("plan of the slow probe's query", line.at("/explain_plan"), contains("cost="));
    let not_run_again = such_that("a plan without the times of a second run", |plan| {
        plan.as_str().is_some_and(|plan| !plan.contains("actual time"))
    });
    case.expect("how the plan was made", line.at("/explain_plan"), not_run_again);
    joins_are_counted(case).await?;

    case.step(5, "A missing index can be told from the plan");
    case.needs(Need::Sql)?;
    case.needs(Need::Disposable)?;
    let actor = case.actor().await?;
    writes_are_timed_too(case, &actor).await?;
    let indexes = without_index(case).await?;
    let told = told_from_plans(case, &actor).await;
    indexes_are_back(case, &indexes).await?;
    told?;

    case.step(7, "The durations of queries can be followed over time");
    followed_over_time(case).await
}

/// Steps 5 and 6, in a table without indexes on addresses.
async fn told_from_plans(case: &mut Case, actor: &Actor) -> Result<(), Stop> {
    let plan = slow_sign_in(case, actor).await?;
    case.expect("plan of the sign-in's look-up without an index", &plan, contains("Seq Scan on users"));
    let lookup = format!("select id, password_hash from users where email = '{}'", actor.email);
    let before = case.explain(&lookup).await?;
    case.expect("node that the look-up runs on", before.at("/plan/Node Type"), is("Seq Scan"));

    case.step(6, "With the index created the same lookup is faster");
    case.execute(&["create unique index conform_users_email on users (email)", "analyze users"]).await?;
    until_usable(case, "conform_users_email").await?;
    let plan = slow_sign_in(case, actor).await?;
    case.expect("plan of the sign-in's look-up with the index", &plan, contains("conform_users_email"));
    let after = case.explain(&lookup).await?;
    let half = before.at("/ms").number().unwrap_or_default() / 2.0;
    case.expect("time of the look-up with the index, in ms", after.at("/ms"), below(half));
    Ok(())
}

async fn probe(case: &mut Case, what: &str, correlation: &str) -> Result<Reply, Stop> {
    case.http(Service::Auth).get(&format!("/test/{what}")).header("x-correlation-id", correlation).send().await
}

/// A query as slow as this machine allows to be told from a slow one: 85 ms on a quiet one.
async fn nearly_slow(case: &mut Case) -> Result<(String, Reply), Stop> {
    for delay in [85, 85, 85, 85, 70, 70, 55, 55] {
        let id = case.id();
        let reply = probe(case, &format!("slow-query?delay_ms={delay}"), &id).await?;
        if reply.ms().number() < Some(THRESHOLD_MS) {
            return Ok((id, reply));
        }
    }
    quickly(case, "slow-query?delay_ms=40").await
}

/// A probe whose whole answer took less than the threshold, so that its query surely did: a machine may stall.
async fn quickly(case: &mut Case, what: &str) -> Result<(String, Reply), Stop> {
    for _ in 0..10 {
        let id = case.id();
        let reply = probe(case, what, &id).await?;
        if reply.ms().number() < Some(THRESHOLD_MS) {
            return Ok((id, reply));
        }
    }
    let id = case.id();
    let reply = probe(case, what, &id).await?;
    case.require(format!("time that {what} takes at its best, in ms"), reply.ms(), below(THRESHOLD_MS))?;
    Ok((id, reply))
}

/// The duration in a line is at least what the query slept and at most what the whole answer took.
fn lasted(case: &mut Case, what: &str, line: &Seen, asked: f64, reply: &Reply) {
    let whole = reply.ms().number().unwrap_or_default();
    case.expect(format!("duration logged for {what}, in ms"), line.at("/query_duration_ms"), between(asked, whole));
}

/// Whether a line is about the slow query of this request, which slept so long, in ms. The original's lines have no
/// correlation id (contract, section 3.7): there the duration tells.
fn is_about(line: &Value, id: &str, slept: f64) -> bool {
    let lasted = line[SLOW].as_f64().is_some_and(|ms| ms >= slept);
    lasted && line["correlation_id"].as_str().is_none_or(|theirs| theirs == id)
}

fn duration_of(line: &Seen) -> Option<f64> {
    line.at("/query_duration_ms").number()
}

/// Milliseconds to two decimals: 200.76, not 0.2 and not 201.
fn precise_to_hundredths(case: &mut Case, line: &Seen) {
    let precise = such_that("a number with a fraction of at most two decimals", |value| {
        value.as_f64().is_some_and(|ms| ((ms * 100.0).round() - ms * 100.0).abs() < 1e-6)
    });
    case.expect("precision of the duration", line.at("/query_duration_ms"), precise);
}

/// A slow query that was asked for among others: its request's id, the delay, and the reply.
type Asked = (String, f64, Reply);

/// Twenty slow queries at the same time, the first of them just above the threshold. One after another they would
/// take 4.1 s.
async fn several_at_once(case: &mut Case) -> Result<(Mark, Vec<Asked>), Stop> {
    let mark = case.mark(Service::Auth).await?;
    let mut pending = Vec::new();
    for tens in 0..20 {
        // Together they sleep for eight seconds, which one after the other would take.
        let delay = 310.0 + 10.0 * f64::from(tens);
        let id = case.id();
        let path = format!("/test/slow-query?delay_ms={delay}");
        let request = case.http(Service::Auth).get(&path).header("x-correlation-id", &id).start()?;
        pending.push((id, delay, request));
    }
    let (mut asked, mut longest) = (Vec::new(), 0.0_f64);
    for (id, delay, request) in pending {
        let reply = case.answer(request).await?;
        case.expect(format!("status of the probe of {delay} ms"), reply.status(), is(200));
        longest = longest.max(reply.ms().number().unwrap_or(f64::MAX));
        asked.push((id, delay, reply));
    }
    case.expect("time until the last of twenty queries that run at the same time, in ms", longest, below(6500.0));
    Ok((mark, asked))
}

/// Each of the queries has a line of its own, told apart by the request's correlation id.
async fn told_apart(case: &mut Case, (mark, asked): (Mark, Vec<Asked>)) -> Result<(), Stop> {
    let has_line = |lines: &[Value], (id, delay, _): &Asked| lines.iter().any(|line| is_about(line, id, *delay));
    let all = |lines: &[Value]| lines.len() >= asked.len() && asked.iter().all(|one| has_line(lines, one));
    let mut lines = case.lines_until(mark, &[SLOW], all).await?;
    case.expect("lines about twenty slow queries", lines.len(), at_least(asked.len() as f64));
    // Without ids they are told apart by their durations, for each slept longer than the one before.
    lines.sort_by(|one, other| duration_of(one).unwrap_or(0.0).total_cmp(&duration_of(other).unwrap_or(0.0)));
    let mut fractions = 0;
    for (id, delay, reply) in &asked {
        let at = lines.iter().position(|line| is_about(line.value(), id, *delay));
        let line = at.map_or_else(|| case.silence(), |at| lines.remove(at));
        lasted(case, &format!("the probe of {delay} ms"), &line, *delay, reply);
        fractions += usize::from(duration_of(&line).is_some_and(|ms| ms.fract() != 0.0));
    }
    case.expect("durations with a fraction of a millisecond, of twenty", fractions, at_least(10.0));
    Ok(())
}

/// No warning bears the id of a fast request, while other lines do: its trace is there.
async fn fast_queries_leave_no_warning(case: &mut Case, mark: Mark, fast: &[&String], slow: &str) -> Result<(), Stop> {
    let ids: Vec<&str> = fast.iter().map(|id| id.as_str()).chain([slow]).collect();
    // The slow query's own line comes last; whatever the fast ones raise stands before it.
    let lines = case.lines(mark, &ids, |line| !line[SLOW].is_null()).await?;
    for id in fast {
        let ours: Vec<&Seen> = lines.iter().filter(|line| line.at("/correlation_id").text() == Some(id)).collect();
        let traced = ours.iter().filter(|line| line.at("/level").text() == Some("INFO")).count();
        case.expect("INFO lines that trace a fast request", traced, at_least(1.0));
        let warned: Vec<Value> = ours
            .iter()
            .filter(|line| duration_of(line).is_some())
            .map(|line| line.at("/query_duration_ms").value().clone())
            .collect();
        case.expect("slow-query lines of a fast request", warned, absent());
    }
    Ok(())
}

/// Signs in while a lock is held that is let go once the sign-in has waited for it long enough to be slow.
async fn sign_in_against(case: &mut Case, lock: &str, actor: &Actor) -> Result<Reply, Stop> {
    let held = case.hold(lock).await?;
    let body = serde_json::json!({"email": actor.email, "password": actor.password});
    let pending = case.http(Service::Gateway).post("/api/auth/login").json(body).start()?;
    case.release(held, LOCKED).await?;
    case.answer(pending).await
}

/// A sign-in whose update of the user waits for a row lock: the update is logged, and needs no plan.
async fn writes_are_timed_too(case: &mut Case, actor: &Actor) -> Result<(), Stop> {
    let mark = case.mark(Service::Auth).await?;
    let lock = format!("select from users where id = '{}' for update", actor.id);
    let signed_in = sign_in_against(case, &lock, actor).await?;
    case.expect("status of a sign-in whose update is slow", signed_in.status(), is(200));
    let is_update =
        |query: Option<&str>| query.is_some_and(|query| query.trim_start().to_lowercase().starts_with("update"));
    let lines = case.lines(mark, &[SLOW], |line| is_update(line["query"].as_str())).await?;
    let line = lines.iter().find(|line| is_update(line.at("/query").text()));
    let line = line.cloned().unwrap_or_else(|| case.silence());
    case.expect("duration of the update that waited, in ms", line.at("/query_duration_ms"), above(100.0));
    case.expect("plan of an update", line.at("/explain_plan"), absent());
    Ok(())
}

/// The probe with joins runs, and counts the users that have files.
async fn joins_are_counted(case: &mut Case) -> Result<(), Stop> {
    let mut least = 0.0;
    if case.can(Need::Sql) && case.can(Need::Disposable) {
        let (owner, file) = (case.actor().await?, case.id());
        let insert = format!(
            "insert into files (id, title, owner_id, file_type) values ('{file}', 'counted', '{}', 'canvas')",
            owner.id
        );
        case.execute(&[&insert]).await?;
        least = 1.0;
    }
    let id = case.id();
    let complex = probe(case, "complex-query", &id).await?;
    case.expect("status of the probe with joins", complex.status(), is(200));
    let whole = such_that(format!("a whole number of at least {least}"), move |value| {
        value.as_u64().is_some_and(|count| count as f64 >= least)
    });
    case.expect("users that the joins counted", complex.at("/user_count"), whole);
    Ok(())
}

/// Takes away every index on addresses, in a table large enough that this matters: what makes them again.
async fn without_index(case: &mut Case) -> Result<Vec<String>, Stop> {
    // An index may be that of a constraint, with which it comes and goes.
    let of_addresses = "select case when c.conname is null then pg_get_indexdef(i.indexrelid) \
           else format('alter table users add constraint %I %s', c.conname, pg_get_constraintdef(c.oid)) end as definition, \
           case when c.conname is null then format('drop index %I', x.relname) \
           else format('alter table users drop constraint %I', c.conname) end as drop \
         from pg_index i join pg_class t on t.oid = i.indrelid join pg_class x on x.oid = i.indexrelid \
         join pg_attribute a on a.attrelid = t.oid and a.attnum = i.indkey[0] \
         left join pg_constraint c on c.conindid = i.indexrelid and c.conrelid = t.oid and c.contype in ('p', 'u', 'x') \
         where t.relname = 'users' and a.attname = 'email' order by 1";
    let indexes = case.rows(of_addresses).await?.items();
    let column = |name: &str| -> Vec<String> {
        indexes.iter().filter_map(|row| row.key(name).text().map(str::to_owned)).collect()
    };
    let (indexes, drop) = (column("definition"), column("drop"));
    let drop: Vec<&str> = drop.iter().map(String::as_str).collect();
    case.execute(&drop).await?;
    case.execute(&[
        "insert into users (id, email, password_hash, is_active, is_verified, role) \
           select 'conform-row-' || n, 'conform-row-' || n || '@example.org', 'none', true, false, 'user' \
           from generate_series(1, 20000) n",
        "analyze users",
    ])
    .await?;
    Ok(indexes)
}

/// Puts everything back on a system that is not the harness's own and thrown away as a whole.
async fn indexes_are_back(case: &mut Case, indexes: &[String]) -> Result<(), Stop> {
    if case.can(Need::Power(Power::Configure)) {
        return Ok(());
    }
    let gone = ["drop index if exists conform_users_email", "delete from users where id like 'conform-row-%'"];
    let all: Vec<&str> = gone.into_iter().chain(indexes.iter().map(String::as_str)).collect();
    case.execute(&all).await
}

/// Signs in while the table of users is locked for a moment: the plan in the line about the look-up that waited.
async fn slow_sign_in(case: &mut Case, actor: &Actor) -> Result<Seen, Stop> {
    let mark = case.mark(Service::Auth).await?;
    let signed_in = sign_in_against(case, LOCK, actor).await?;
    case.expect("status of a sign-in whose look-up is slow", signed_in.status(), is(200));
    let lines = case.lines(mark, &[SLOW], |line| is_lookup(line["query"].as_str())).await?;
    let line = lines.iter().find(|line| is_lookup(line.at("/query").text()));
    let line = line.cloned().unwrap_or_else(|| case.silence());
    case.expect("duration of the look-up that waited, in ms", line.at("/query_duration_ms"), above(100.0));
    let hidden = such_that("the text without the address", {
        let email = actor.email.clone();
        move |value| value.as_str().is_some_and(|text| !text.contains(&email))
    });
    case.expect("values in the text of the query", line.at("/query"), hidden);
    Ok(line.at("/explain_plan"))
}

/// Whether a query looks a user up.
fn is_lookup(query: Option<&str>) -> bool {
    let query = query.unwrap_or_default().trim_start().to_lowercase();
    query.starts_with("select") && query.contains("users")
}

/// The count and the time of queries in the metrics move with the queries.
async fn followed_over_time(case: &mut Case) -> Result<(), Stop> {
    let sample = "auth_service_database_query_duration_seconds";
    let before = case.scrape(Service::Auth).await?;
    let (one, other) = (case.id(), case.id());
    let slow = probe(case, "slow-query?delay_ms=150", &one).await?;
    let fast = probe(case, "fast-query", &other).await?;
    let whole = (slow.ms().number().unwrap_or_default() + fast.ms().number().unwrap_or_default()) / 1000.0;
    let after = case.scrape(Service::Auth).await?;
    // Beside the two, the service may look after its connections; that is counted, too, and takes no time to speak of.
    for (what, part, least, most) in
        [("queries counted", "count", 2.0, 40.0), ("time of queries summed up, in s", "sum", 0.15, 2.0 * whole)]
    {
        let value = |scrape: &Seen| {
            let family = scrape.at("/families").key(sample);
            total(&family, &format!("{sample}_{part}")).unwrap_or(f64::NAN)
        };
        // A sum of floating-point numbers may miss its last digit.
        let rise = value(&after) - value(&before);
        case.expect(format!("rise of {what}"), rise, between(least - 1e-6, most));
    }
    Ok(())
}
