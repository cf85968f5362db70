//! Feature 12: one correlation id follows a request through the logs of every service it meets.

use super::away::is_away;
use super::log_line::{Ending, ended, ending, tells_of, trace};
use crate::check::{Case, Check, Matcher, Seen, Stop, at_least, is, is_not, such_that};
use crate::probe::{Mark, Reply};
use crate::sabotage::{drop_header, mute_log};
use crate::target::{Need, Own, Service, Setup};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ID: &str = "x-correlation-id";
/// A probe that logs the delay it was asked for. The id in its answer may be one of its own (contract, section 3.9).
const PROBE: &str = "/api/auth/test/performance?delay=";
/// Asked in its place where there are no probes: it is as public, and no line tells one request from another.
const PLAIN: &str = "/api/auth/health?delay=";
/// Requests under way at the same moment.
const AT_ONCE: u8 = 12;
/// Signs that must neither break a line nor forge a field of it.
const HOSTILE: &str = "x\",\"level\":\"DEBUG\",\"correlation_id\":\"y\\ %0A{}[]<b>";
/// More requests than a user may send within a minute, with some to spare (contract, section 2.8).
const TOO_MANY: usize = 110;

pub const CHECK: Check = Check {
    feature: 12,
    revision: 4,
    // Of its own, for git-service must be away. A small limit of requests is as good as a large one.
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth, Service::Diagram]).set(&[(
        Service::Gateway,
        "RATE_LIMIT_PER_USER",
        "12",
    )])),
    needs: &[Need::Address(Service::Gateway), Need::Log(Service::Gateway), Need::Log(Service::Auth)],
    control: "requests under way at the same moment have an id each, and no line bears another's",
    sabotage: &[
        drop_header("the id is lost on the way to diagram-service", Service::Diagram, ID).and_red(&[7, 37, 39, 40]),
        mute_log("diagram-service's log is lost", Service::Diagram).and_red(&[7, 18, 37, 39, 40]),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "A request is sent to the gateway without an ID of its own");
    let marks = (case.mark(Service::Gateway).await?, case.mark(Service::Auth).await?);
    let asked = format!("{}0", if case.can(Need::TestEndpoints) { PROBE } else { PLAIN });
    let first = case.http(Service::Gateway).get(&asked).send().await?;
    case.require("status of the request", first.status(), is(200))?;
    let second = case.http(Service::Gateway).get(&asked).send().await?;
    case.expect("status of a second one", second.status(), is(200));

    case.step(2, "The answer carries a new ID in `X-Correlation-ID`");
    case.require("id of the answer", first.header(ID), a_uuid())?;
    let id = first.header(ID).text().unwrap_or_default().to_owned();
    case.expect("id of the second answer", second.header(ID), a_uuid());
    case.expect("id of the second answer, beside the first", second.header(ID), is_not(id.as_str()));
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;
    every_answer_has_one(case, &token, marks.0).await?;

    case.step(3, "The gateway's log lines for the request carry that `correlation_id`");
    let lines = trace(case, Service::Gateway, marks.0, &id).await?;
    carries(case, Service::Gateway, &lines, &id);

    case.step(4, "The request reaches the back end with the same `X-Correlation-ID`");
    let handed_on = trace(case, Service::Auth, marks.1, &id).await?;
    case.expect("lines of auth-service that hold the ID of the answer", handed_on.len(), at_least(1.0));
    own_ids_are_kept(case, &asked).await?;

    case.step(5, "The back end's log lines for the request carry that `correlation_id`");
    let lines = trace(case, Service::Auth, marks.1, &id).await?;
    carries(case, Service::Auth, &lines, &id);

    case.step(6, "A request that passes several services can be followed by its ID alone");
    followed(case, &token).await?;

    case.step(7, "Every log line of one request bears one and the same `correlation_id`");
    kept_apart(case).await?;

    case.step(8, "A line logged for an error bears the `correlation_id` too");
    errors_bear_it(case, &token).await
}

/// A UUID of version 4, as text.
fn a_uuid() -> Matcher {
    such_that("a UUID of version 4", |value| {
        let Some(text) = value.as_str() else { return false };
        let signs: Vec<char> = text.chars().collect();
        signs.len() == 36
            && signs.iter().enumerate().all(|(at, sign)| match at {
                8 | 13 | 18 | 23 => *sign == '-',
                14 => *sign == '4',
                19 => "89abAB".contains(*sign),
                _ => sign.is_ascii_hexdigit(),
            })
    })
}

/// The lines are there, and each bears the id.
fn carries(case: &mut Case, service: Service, lines: &[Seen], id: &str) {
    tells_of(case, service, lines, 1, "the request");
    for line in lines {
        case.expect(format!("correlation_id of a line of {service}"), line.at("/correlation_id"), is(id));
    }
}

/// Answers that the gateway gives by itself have an id as well, each its own; a caller's own id comes back.
async fn every_answer_has_one(case: &mut Case, token: &str, mark: Mark) -> Result<(), Stop> {
    let unauthorised = case.http(Service::Gateway).get("/api/diagrams/").send().await?;
    let path = format!("/api/nowhere/{}", case.word());
    let not_found = case.http(Service::Gateway).get(&path).bearer(token).send().await?;
    let refused = until_refused(case).await?;
    let mut ids = BTreeSet::new();
    for (status, reply) in [(401, &unauthorised), (404, &not_found), (429, &refused)] {
        case.expect("status of an answer of the gateway's own", reply.status(), is(status));
        case.expect(format!("id of a {status}"), reply.header(ID), a_uuid());
        ids.extend(reply.header(ID).text().map(str::to_owned));
    }
    case.expect("different ids of three such answers", ids.len(), is(3));
    for (status, reply) in [(401, &unauthorised), (429, &refused)] {
        let id = reply.header(ID).text().unwrap_or("no id").to_owned();
        let lines = trace(case, Service::Gateway, mark, &id).await?;
        // The contract knows a warning about a 401; a 429 need not be more than a request among others.
        let counted = |line: &&Seen| status != 401 || line.at("/level").text() == Some("WARNING");
        let kind = if status == 401 { "warnings" } else { "lines" };
        let found = lines.iter().filter(counted).count();
        case.expect(format!("{kind} about a {status} found by its id"), found, at_least(1.0));
    }
    let id = case.id();
    let refused = case.http(Service::Gateway).get("/api/diagrams/").header(ID, &id).send().await?;
    case.expect("status without a token", refused.status(), is(401));
    case.expect("id of a 401 to a request that had one", refused.header(ID), is(id.as_str()));
    Ok(())
}

/// The first answer to a user who asks too often.
async fn until_refused(case: &mut Case) -> Result<Reply, Stop> {
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;
    let path = format!("/api/diagrams/{}", case.id());
    let mut reply = case.http(Service::Gateway).get(&path).bearer(&token).send().await?;
    for _ in 1..TOO_MANY {
        if reply.status().number() == Some(429.0) {
            break;
        }
        case.expect("status of a request within the limit", reply.status(), is(404));
        reply = case.http(Service::Gateway).get(&path).bearer(&token).send().await?;
    }
    Ok(reply)
}

/// An id that the caller brings is neither replaced nor cut, whatever is in it; and lines stay whole.
async fn own_ids_are_kept(case: &mut Case, asked: &str) -> Result<(), Stop> {
    let plain = case.id();
    let (long, hostile) = (format!("{}{}", case.word(), "-long".repeat(600)), format!("{}{HOSTILE}", case.word()));
    for (what, id) in [("a plain id", plain), ("an id of 3000 letters", long), ("an id of hostile signs", hostile)] {
        let gateway = case.mark(Service::Gateway).await?;
        let auth = case.mark(Service::Auth).await?;
        let reply = case.http(Service::Gateway).get(asked).header(ID, &id).send().await?;
        case.expect(format!("status of a request with {what}"), reply.status(), is(200));
        case.expect(format!("{what} in the answer"), reply.header(ID), is(id.as_str()));
        for (service, mark) in [(Service::Gateway, gateway), (Service::Auth, auth)] {
            // Its beginning has no sign that a line would have to escape.
            let lines = trace(case, service, mark, &id[..20]).await?;
            case.expect(format!("lines of {service} about a request with {what}"), lines.len(), at_least(1.0));
            for line in &lines {
                case.expect(format!("{what} in a line of {service}"), line.at("/correlation_id"), is(id.as_str()));
            }
        }
    }
    Ok(())
}

/// One id for a piece of work that takes the caller through three services.
async fn followed(case: &mut Case, token: &str) -> Result<(), Stop> {
    case.needs(Need::Log(Service::Diagram))?;
    let id = case.id();
    let services = [Service::Gateway, Service::Auth, Service::Diagram];
    let mut marks = Vec::new();
    for service in services {
        marks.push(case.mark(service).await?);
    }
    let who = case.http(Service::Gateway).get("/api/auth/me").bearer(token).header(ID, &id).send().await?;
    case.expect("status of asking who one is", who.status(), is(200));
    let draft = json!({"title": case.word()});
    let request = case.http(Service::Gateway).post("/api/diagrams/").bearer(token).json(draft);
    let made = request.header(ID, &id).send().await?;
    case.expect(
        "status of making a diagram",
        made.status(),
        such_that("200 or 201", |status| *status == 200 || *status == 201),
    );
    let diagram = made.at("/id").text().unwrap_or("no diagram").to_owned();
    for (service, mark) in services.into_iter().zip(marks) {
        let times = if service == Service::Gateway { 2 } else { 1 };
        let lines = case.lines_until(mark, &[&id], |lines| ended(service, lines, times)).await?;
        tells_of(case, service, &lines, times, "requests under the id");
        for line in &lines {
            case.expect(format!("correlation_id of a line of {service}"), line.at("/correlation_id"), is(id.as_str()));
        }
        if service == Service::Diagram {
            let made = lines.iter().filter(|line| line.at("/diagram_id").text() == Some(&diagram)).count();
            case.expect("lines about the new diagram found by the id", made, at_least(1.0));
        }
    }
    Ok(())
}

/// Requests under way at the same moment: each line of the back end belongs to exactly one of them.
async fn kept_apart(case: &mut Case) -> Result<(), Stop> {
    // Only a probe's lines tell by something else than the id which request they belong to.
    if !case.has(Need::TestEndpoints) {
        return Ok(());
    }
    let marks = (case.mark(Service::Gateway).await?, case.mark(Service::Auth).await?);
    let mut pending = Vec::new();
    for number in 0..AT_ONCE {
        // About 50 ms each, in numbers that are exact in binary.
        let delay = f64::from(50 + number) / 1024.0;
        let mut request = case.http(Service::Gateway).get(&format!("{PROBE}{delay}"));
        let own = format!("own-{number}-{delay}");
        // Every other one brings an id, so that those brought and those made meet.
        if number % 2 == 0 {
            request = request.header(ID, &own);
        }
        pending.push((delay, request.start()?));
    }
    let mut asked = Vec::new();
    for (delay, request) in pending {
        let reply = case.answer(request).await?;
        case.expect(format!("delay that the probe of {delay} s reports"), reply.at("/delay_seconds"), is(delay));
        asked.push((delay, reply.header(ID).text().unwrap_or("no id").to_owned()));
    }
    let distinct: BTreeSet<&String> = asked.iter().map(|(_, id)| id).collect();
    case.expect("different ids of requests at the same moment", distinct.len(), is(usize::from(AT_ONCE)));
    let ids: Vec<&str> = asked.iter().map(|(_, id)| id.as_str()).collect();
    for (service, mark) in [(Service::Gateway, marks.0), (Service::Auth, marks.1)] {
        let lines = case.lines_until(mark, &ids, |lines| ended(service, lines, ids.len())).await?;
        let mut usual = None;
        for (delay, id) in &asked {
            let ours: Vec<Seen> =
                lines.iter().filter(|line| line.at("/correlation_id").text() == Some(id)).cloned().collect();
            tells_of(case, service, &ours, 1, &format!("the request of {delay} s"));
            if let Ending::InOriginalWords(_) = ending(service, &ours) {
                let usual = *usual.get_or_insert(ours.len());
                case.expect("lines about it, beside those about another", ours.len(), is(usual));
            }
            if service == Service::Auth {
                let delays = ours.iter().map(|line| line.at("/requested_delay"));
                let delays: Vec<Value> = delays.filter(Seen::is_there).map(Value::from).collect();
                case.expect("delays in the lines of that request", delays, is(json!([delay])));
            }
        }
    }
    Ok(())
}

async fn errors_bear_it(case: &mut Case, token: &str) -> Result<(), Stop> {
    let errors = |lines: &[Value]| lines.iter().filter(|line| line["level"] == "ERROR").count();
    if case.has(Need::TestEndpoints) {
        let (id, mark) = (case.id(), case.mark(Service::Auth).await?);
        let reply = case.http(Service::Gateway).get("/api/auth/test/error").header(ID, &id).send().await?;
        case.expect("status of the probe that causes errors", reply.status(), is(200));
        let lines = case.lines_until(mark, &["\"ERROR\""], |lines| errors(lines) >= 2).await?;
        case.expect("ERROR lines of the back end", lines.len(), at_least(2.0));
        for line in &lines {
            case.expect("correlation_id of an ERROR line of the back end", line.at("/correlation_id"), is(id.as_str()));
        }
    }
    if !is_away(case, Service::Git).await? {
        return Ok(());
    }
    let (id, mark) = (case.id(), case.mark(Service::Gateway).await?);
    let reply = case.http(Service::Gateway).get("/api/git/health").bearer(token).header(ID, &id).send().await?;
    case.expect("status of a request to a service that is away", reply.status(), is(503));
    case.expect("id of that answer", reply.header(ID), is(id.as_str()));
    let lines = case.lines_until(mark, &["\"ERROR\""], |lines| errors(lines) >= 1).await?;
    case.expect("ERROR lines of the gateway", lines.len(), at_least(1.0));
    for line in &lines {
        case.expect("correlation_id of an ERROR line of the gateway", line.at("/correlation_id"), is(id.as_str()));
    }
    Ok(())
}
