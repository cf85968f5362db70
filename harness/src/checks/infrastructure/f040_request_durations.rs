//! Feature 40: the duration of every request is measured, logged and summed up in percentiles.

use super::log_line::trace;
use super::query_details::details_of;
use super::service_metrics::{Durations, durations, prefix};
use crate::check::{Case, Check, Seen, Stop, above, at_least, at_most, between, contains, is, one_of, such_that};
use crate::probe::{Mark, Pending, Reply};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Service, Setup};
use serde_json::json;
use std::time::Duration;

/// A probe that takes as long as it is asked to.
const PROBE: &str = "/test/performance";
/// Above this a request is slow, in ms (contract, section 3.6).
const SLOW_MS: f64 = 1000.0;
/// Requests that the probe answers at once.
const QUICK: usize = 24;
/// Requests that take longer: how many, and how long each, in s. With the quick ones they are forty, so that each of
/// the three percentiles lies within another group.
const LONGER: [(usize, f64); 3] = [(13, 0.2), (2, 0.9), (1, 1.1)];
/// How long a query is that makes its request slow, in ms; this is really waited for.
const QUERY_MS: f64 = 1100.0;
const ID: &str = "x-correlation-id";
/// A timer may fire a little before its time.
const EARLY_MS: f64 = 1.0;
/// A caller may have its answer before the service has looked at its clock again.
const LATE_MS: f64 = 50.0;
/// Takes away the pause on the way into the table of files; it takes the trigger along.
const UNPAUSED: &str = "drop function if exists conform_pause() cascade";

pub const CHECK: Check = Check {
    feature: 40,
    revision: 4,
    // Of its own, so that requests of other checks are not counted.
    setup: Setup::Own(Own::of(&Service::ALL)),
    needs: &[
        Need::Address(Service::Gateway),
        Need::Address(Service::Auth),
        Need::Log(Service::Auth),
        Need::TestEndpoints,
    ],
    control: "a request of 0.9 s is not told apart as slow, and queries of other requests do not count",
    sabotage: &[
        set_variable("requests count as slow above 10 s", Service::Auth, "SLOW_REQUEST_THRESHOLD_MS", "10000"),
        set_variable("requests count as slow above 0.5 s", Service::Auth, "SLOW_REQUEST_THRESHOLD_MS", "500"),
        set_variable("svg-renderer has no metrics", Service::SvgRenderer, "METRICS_ENABLED", "false")
            .and_red(&[19, 20]),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "A request is sent to the API");
    case.needs(Need::Log(Service::Gateway))?;
    let slow_query = slow_query_begins(case).await?;
    let marks =
        [(Service::Gateway, case.mark(Service::Gateway).await?), (Service::Auth, case.mark(Service::Auth).await?)];
    let before = both(case).await?;
    let id = case.id();
    let path = format!("/api/auth{PROBE}?delay=0.0625");
    let reply = case.http(Service::Gateway).get(&path).header(ID, &id).send().await?;
    case.require("status of the request", reply.status(), is(200))?;
    let took = reply.ms().number().unwrap_or_default();
    case.expect("time until its answer, in ms", took, at_least(62.5));
    let most = took + LATE_MS;

    case.step(2, "A log line gives the `duration_ms` of the request");
    let mut auth_tells = false;
    for (service, mark) in marks {
        let lines = trace(case, service, mark, &id).await?;
        let line = lines.iter().find(|line| line.at("/duration_ms").is_there());
        if service == Service::Auth {
            // One line is enough here; step 7 is about every service.
            auth_tells = line.is_some();
            if !auth_tells {
                continue;
            }
        }
        let line = line.cloned().unwrap_or_else(|| case.silence());
        let duration = between(62.5 - EARLY_MS, most);
        case.expect(format!("duration_ms in the line of {service}"), line.at("/duration_ms"), duration);
        case.expect("precision of the duration", line.at("/duration_ms"), hundredths());
        case.expect("status in that line", line.at("/status_code"), is(200));
        case.expect("method in that line", line.at("/method"), is("GET"));
        case.expect("path in that line", line.at("/path"), contains(PROBE));
    }

    case.step(3, "The histogram of request durations has counted the request");
    let after = both(case).await?;
    for (before, after) in before.iter().zip(&after) {
        let durations = after.since(before);
        let (least, most) = ((62.5 - EARLY_MS) / 1000.0, most / 1000.0);
        case.expect("requests counted", durations.count, is(1));
        case.expect("time that the histogram added, in s", durations.sum, between(least, most));
        let (below, above) = durations.counts_outside(least, most);
        case.expect("requests in the buckets below its duration", below.clone(), is(vec![0.0; below.len()]));
        case.expect("requests in the buckets above its duration", above.clone(), is(vec![1.0; above.len()]));
    }

    case.step(4, "p50, p95 and p99 can be read from the durations");
    let mark = case.mark(Service::Auth).await?;
    let known = known_loads(case).await?;
    let durations = Durations::of(case, Service::Auth, PROBE).await?.since(&after[1]);
    percentiles_fit(case, &durations, &known);

    case.step(5, "A request that takes more than 1 s is told apart as slow");
    if auth_tells {
        slow_ones_are_told_apart(case, mark, &known).await?;
    } else {
        the_gateway_tells_them_apart(case).await?;
    }

    case.step(6, "The line for the slow request has the details of its queries");
    slow_query_is_explained(case, slow_query, mark, &known).await?;
    slowest_of_several_is_named(case).await?;

    case.step(7, "Durations are measured in every service");
    for service in Service::ALL {
        measured_in(case, service).await?;
    }
    Ok(())
}

/// Milliseconds to two decimals.
fn hundredths() -> crate::check::Matcher {
    such_that("a number with two decimals at most", |value| {
        value.as_f64().is_some_and(|ms| ((ms * 100.0).round() - ms * 100.0).abs() < 1e-6)
    })
}

/// What the gateway and auth-service have counted of the probe.
async fn both(case: &mut Case) -> Result<[Durations; 2], Stop> {
    let gateway = Durations::of(case, Service::Gateway, &format!("/api/auth{PROBE}")).await?;
    Ok([gateway, Durations::of(case, Service::Auth, PROBE).await?])
}

/// A request whose duration is known to lie between two bounds, in s.
struct Known {
    id: String,
    least: f64,
    most: f64,
}

/// Forty requests: the quick ones after one another, the longer ones all at the same time.
async fn known_loads(case: &mut Case) -> Result<Vec<Known>, Stop> {
    let mut known = Vec::new();
    for _ in 0..QUICK {
        let (id, request) = probe(case, 0.0)?;
        let reply = case.answer(request).await?;
        known.push(answered(case, id, 0.0, &reply));
    }
    let mut pending: Vec<(String, f64, Pending)> = Vec::new();
    for (count, delay) in LONGER {
        for _ in 0..count {
            let (id, request) = probe(case, delay)?;
            pending.push((id, delay, request));
        }
    }
    case.until_waiting(Service::Auth, PROBE, pending.len()).await?;
    let under_way = case.moment();
    let mut passed = 0.0;
    for (id, delay, request) in pending {
        if case.can(Need::Clock) && delay > passed {
            case.pass_until(under_way, Duration::from_secs_f64(delay)).await?;
            passed = delay;
        }
        let reply = case.answer(request).await?;
        known.push(answered(case, id, delay, &reply));
    }
    Ok(known)
}

fn probe(case: &mut Case, delay: f64) -> Result<(String, Pending), Stop> {
    let id = case.id();
    let request = case.http(Service::Auth).get(&format!("{PROBE}?delay={delay}")).header(ID, &id);
    Ok((id, request.start()?))
}

/// It took at least its delay, and no more than its answer, beside what the test clock was moved for it.
fn answered(case: &mut Case, id: String, delay: f64, reply: &Reply) -> Known {
    case.expect(format!("status of a request of {delay} s"), reply.status(), is(200));
    Known { id, least: delay, most: delay + (reply.ms().number().unwrap_or_default() + LATE_MS) / 1000.0 }
}

/// The percentiles lie where the known durations are, as closely as buckets tell.
fn percentiles_fit(case: &mut Case, durations: &Durations, known: &[Known]) {
    case.expect("requests that auth-service counted", durations.count, is(known.len()));
    let sorted = |bound: fn(&Known) -> f64| {
        let mut all: Vec<f64> = known.iter().map(bound).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let (least, most) = (sorted(|one| one.least), sorted(|one| one.most));
    for (bound, count) in &durations.buckets {
        let surely = most.iter().filter(|most| *most <= bound).count() as f64;
        let perhaps = least.iter().filter(|least| *least <= bound).count() as f64;
        case.expect(format!("requests counted up to {bound} s"), *count, between(surely, perhaps));
    }
    for percent in [50, 95, 99] {
        let at = (known.len() * percent).div_ceil(100) - 1;
        let (low, _) = durations.bucket_of(least[at]);
        let (_, high) = durations.bucket_of(most[at]);
        let read = durations.quantile(percent as f64 / 100.0);
        case.expect(format!("p{percent} of forty known durations, in s"), read, between(low, high));
    }
    let (all_least, all_most) = (least.iter().sum(), most.iter().sum());
    case.expect("sum of forty known durations, in s", durations.sum, between(all_least, all_most));
    let (half, tail) = (durations.quantile(0.5).unwrap_or(f64::NAN), durations.quantile(0.95));
    case.expect("p95 beside p50, in s", tail, above(half));
    case.expect("p99 beside p95, in s", durations.quantile(0.99), above(tail.unwrap_or(f64::NAN)));
}

/// Each of the longest is logged as slow if, and only if, its own duration is above the threshold.
async fn slow_ones_are_told_apart(case: &mut Case, mark: Mark, known: &[Known]) -> Result<(), Stop> {
    let mut slow = 0;
    for one in known.iter().filter(|one| one.least >= 0.9) {
        slow += usize::from(is_told_apart(case, Service::Auth, mark, one).await?);
    }
    case.expect("requests above the threshold", slow, at_least(1.0));
    // A busy machine may push a request over the threshold that would be below it elsewhere.
    let mut nearly = true;
    for delay in [0.9, 0.9, 0.7, 0.5] {
        let (id, request) = probe(case, delay)?;
        case.until_waiting(Service::Auth, PROBE, 1).await?;
        let under_way = case.moment();
        if case.can(Need::Clock) {
            case.pass_until(under_way, Duration::from_secs_f64(delay)).await?;
        }
        let reply = case.answer(request).await?;
        let one = answered(case, id, delay, &reply);
        nearly = is_told_apart(case, Service::Auth, mark, &one).await?;
        if !nearly {
            break;
        }
    }
    case.expect("a request just below the threshold is told apart as slow", nearly, is(false));
    Ok(())
}

/// Where only the gateway logs durations, it is the one to tell slow requests apart.
async fn the_gateway_tells_them_apart(case: &mut Case) -> Result<(), Stop> {
    for delay in [1.1, 0.5] {
        let (id, mark) = (case.id(), case.mark(Service::Gateway).await?);
        let path = format!("/api/auth{PROBE}?delay={delay}");
        let request = case.http(Service::Gateway).get(&path).header(ID, &id).start()?;
        case.until_waiting(Service::Auth, PROBE, 1).await?;
        let under_way = case.moment();
        if case.can(Need::Clock) {
            case.pass_until(under_way, Duration::from_secs_f64(delay)).await?;
        }
        let reply = case.answer(request).await?;
        let one = answered(case, id, delay, &reply);
        let slow = is_told_apart(case, Service::Gateway, mark, &one).await?;
        if delay > 1.0 {
            case.expect("a request above the threshold is told apart as slow", slow, is(true));
        }
    }
    Ok(())
}

/// Whether a request's own duration is above the threshold; then, and only then, there is a warning about it.
async fn is_told_apart(case: &mut Case, service: Service, mark: Mark, one: &Known) -> Result<bool, Stop> {
    let lines = trace(case, service, mark, &one.id).await?;
    let timed = lines.iter().find(|line| line.at("/duration_ms").is_there());
    let duration = timed.map_or_else(|| case.silence(), |line| line.at("/duration_ms"));
    let bounds = between(one.least * 1000.0 - EARLY_MS, one.most * 1000.0 + 0.01);
    case.expect(format!("duration logged for a request of {} s, in ms", one.least), &duration, bounds);
    let warned: Vec<&Seen> = lines.iter().filter(|line| line.at("/level").text() == Some("WARNING")).collect();
    let is_slow = duration.number().is_some_and(|ms| ms > SLOW_MS);
    case.expect(format!("warnings about a request of {} s", one.least), warned.len(), is(usize::from(is_slow)));
    if let Some(line) = warned.first() {
        case.expect("duration in the warning, in ms", line.at("/duration_ms"), is(&duration));
        case.expect("threshold in the warning, in ms", line.at("/threshold_ms"), is(SLOW_MS));
        case.expect("path in the warning", line.at("/path"), contains(PROBE));
    }
    Ok(is_slow)
}

/// A request that is slow because of its query, on its way through the gateway while others query as well.
struct SlowQuery {
    id: String,
    request: Pending,
    marks: [(Service, Mark); 2],
}

async fn slow_query_begins(case: &mut Case) -> Result<SlowQuery, Stop> {
    let marks =
        [(Service::Gateway, case.mark(Service::Gateway).await?), (Service::Auth, case.mark(Service::Auth).await?)];
    let id = case.id();
    let path = format!("/api/auth/test/slow-query?delay_ms={QUERY_MS}");
    let request = case.http(Service::Gateway).get(&path).header(ID, &id).start()?;
    let others = case.http(Service::Auth).get("/test/fast-query").times(10, 2).await?;
    case.expect("fast queries of other requests meanwhile", others.at("/answers/200"), is(10));
    Ok(SlowQuery { id, request, marks })
}

async fn slow_query_is_explained(case: &mut Case, slow: SlowQuery, mark: Mark, known: &[Known]) -> Result<(), Stop> {
    let reply = case.answer(slow.request).await?;
    case.expect("status of a request with a slow query", reply.status(), is(200));
    for (service, mark) in slow.marks {
        let lines = trace(case, service, mark, &slow.id).await?;
        let line = slow_line(case, &lines);
        let duration = line.at("/duration_ms");
        case.expect(format!("duration in the warning of {service}, in ms"), &duration, at_least(QUERY_MS));
        let (Service::Auth, Some(whole)) = (service, duration.number()) else {
            continue;
        };
        case.expect("what the warning tells of its queries", &line, details_of("pg_sleep", QUERY_MS, whole));
        if !line.at("/slowest_query").is_there() {
            continue;
        }
        // Whoever opens a transaction for it has two or three more.
        case.expect("queries of that request", line.at("/query_count"), between(1.0, 4.0));
        case.expect("time of its queries, in ms", line.at("/query_total_ms"), between(QUERY_MS, whole));
        case.expect("text of its slowest query", line.at("/slowest_query"), contains("pg_sleep"));
        let length = line.at("/slowest_query").text().map(|text| text.chars().count());
        case.expect("length of that text, in characters", length, at_most(500.0));
        let total = line.at("/query_total_ms").number().unwrap_or_default();
        case.expect("time of its slowest query, in ms", line.at("/slowest_query_ms"), between(QUERY_MS, total));
    }
    let Some(without) = known.iter().find(|one| one.least * 1000.0 > SLOW_MS) else { return Ok(()) };
    let lines = trace(case, Service::Auth, mark, &without.id).await?;
    let line = slow_line(case, &lines);
    case.expect("duration in the warning about a request without queries", line.at("/duration_ms"), above(SLOW_MS));
    let none = such_that("0, or absent", |count| count.is_null() || *count == 0);
    case.expect("queries of a slow request that has none", line.at("/query_count"), none);
    Ok(())
}

/// A request whose first statement is slow and whose others are not: creating a diagram writes its version after it.
async fn slowest_of_several_is_named(case: &mut Case) -> Result<(), Stop> {
    if ![Need::Sql, Need::Disposable, Need::Log(Service::Diagram)].into_iter().all(|need| case.can(need)) {
        return Ok(());
    }
    let (title, seconds) = (case.word(), QUERY_MS / 1000.0);
    case.execute(&[
        UNPAUSED,
        &format!(
            "create function conform_pause() returns trigger language plpgsql as $$ begin \
             perform pg_sleep({seconds}); return new; end $$"
        ),
        &format!(
            "create trigger conform_pause before insert on files for each row \
             when (new.title = '{title}') execute function conform_pause()"
        ),
    ])
    .await?;
    let named = slowest_is_named(case, &title).await;
    case.execute(&[UNPAUSED]).await?;
    named
}

async fn slowest_is_named(case: &mut Case, title: &str) -> Result<(), Stop> {
    let actor = case.actor().await?;
    let (token, id) = (case.token_of(&actor).await?, case.id());
    let mark = case.mark(Service::Diagram).await?;
    let post = case.http(Service::Gateway).post("/api/diagrams/").bearer(&token).header(ID, &id);
    let created = post.json(json!({"title": title, "file_type": "canvas"})).send().await?;
    case.expect("status of a request with several queries", created.status(), one_of([200, 201]));
    let lines = trace(case, Service::Diagram, mark, &id).await?;
    let line = slow_line(case, &lines);
    let whole = line.at("/duration_ms").number().unwrap_or_default();
    case.expect("what the warning tells of its queries", &line, details_of("insert into files", QUERY_MS, whole));
    if !line.at("/slowest_query").is_there() {
        return Ok(());
    }
    case.expect("queries of a request with several", line.at("/query_count"), at_least(2.0));
    let slowest = line.at("/slowest_query").text().map(str::to_lowercase);
    case.expect("slowest query among them", slowest, contains("insert into files"));
    case.expect("its time, in ms", line.at("/slowest_query_ms"), at_least(QUERY_MS));
    let total = line.at("/query_total_ms").number().unwrap_or_default();
    case.expect("time of all of them, in ms", line.at("/duration_ms"), at_least(total));
    Ok(())
}

/// The warning about a slow request among its lines: that with its duration.
fn slow_line(case: &Case, lines: &[Seen]) -> Seen {
    let is_it = |line: &&Seen| line.at("/level").text() == Some("WARNING") && line.at("/duration_ms").is_there();
    lines.iter().find(is_it).cloned().unwrap_or_else(|| case.silence())
}

/// A request of which nobody else knows: its duration is in the service's log and in its histogram.
async fn measured_in(case: &mut Case, service: Service) -> Result<(), Stop> {
    case.needs(Need::Log(service))?;
    let (id, path) = (case.id(), format!("/health/{}", case.word()));
    let mark = case.mark(service).await?;
    let reply = case.http(service).get(&path).header(ID, &id).send().await?;
    let took = reply.ms().number().unwrap_or_default();
    let lines = trace(case, service, mark, &id).await?;
    let line = lines.iter().find(|line| line.at("/duration_ms").is_there());
    let logged = line.map(|line| line.at("/duration_ms"));
    case.expect(format!("duration_ms that {service} logged"), logged, between(0.0, took + LATE_MS));
    let counted = durations(case, service, &path).await?;
    let name = format!("{}_request_duration_seconds", prefix(service));
    case.expect(format!("{name}_count of that path"), counted.at("/count"), is(1));
    case.expect(format!("{name}_sum of that path"), counted.at("/sum"), between(1e-9, (took + LATE_MS) / 1000.0));
    Ok(())
}
