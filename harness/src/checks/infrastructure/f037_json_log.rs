//! Feature 37: log lines are JSON with fixed fields, so that they can be gathered and searched.

use super::log_line::{self, Ending, LEVELS, ended, ending, is_whole, service_of, tells_of, time_of, trace};
use crate::check::{Case, Check, Seen, Stop, at_least, is, one_of, present, within};
use crate::probe::Mark;
use crate::sabotage::{mute_log, set_variable};
use crate::target::{Need, Own, Power, Service, Setup};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a line must hold as it is and yet stay one line.
const HOSTILE: &str = "one \"two\"\nthree\r\n\tfour \\ {\"level\":\"DEBUG\"} ünï ☂ \u{2028} \u{1b}[31m";
/// The same for what a header can carry.
const HOSTILE_ID: &str = " \"two\" \\ {\"level\":\"DEBUG\"}";
/// What a line's time may differ from the harness's, in seconds: less than any wrong zone.
const SKEW: f64 = 60.0;
/// Lines about a request that is handed on, where a service uses the original's words (contract, section 3.2).
const LINES_OF_A_TRACE: [(Service, usize); 2] = [(Service::Gateway, 5), (Service::Auth, 2)];

pub const CHECK: Check = Check {
    feature: 37,
    revision: 6,
    // Of its own: what a service writes at its start and at its end is read as well.
    setup: Setup::Own(Own::of(&Service::ALL)),
    needs: &[Need::Log(Service::Auth), Need::Address(Service::Auth)],
    control: "the search by one request's id finds no line of a request sent at the same moment",
    sabotage: &[
        set_variable("git-service writes lines for people", Service::Git, "LOG_FORMAT", "text").and_red(&[40]),
        mute_log("export-service's log is lost", Service::Export).and_red(&[40]),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    let services: Vec<Service> = Service::ALL
        .into_iter()
        .filter(|&service| case.can(Need::Log(service)) && case.can(Need::Address(service)))
        .collect();

    case.step(1, "JSON logging is switched on");
    let asked = json_is_on(case, &services).await?;

    case.step(2, "The service is made to write a log line");
    let now = case.now().await?;
    let Written { id, word, lines, texts } =
        if case.can(Need::TestEndpoints) { hostile_text(case).await? } else { hostile_id(case).await? };
    let others = match asked {
        Some(others) => others,
        None => one_request_each(case, &services).await?,
    };

    case.step(3, "The line parses as one JSON object");
    for line in &texts {
        case.expect("text with quotes, line breaks and signs of all kinds", line.at("/user_id"), is(HOSTILE));
        case.expect("the plain text beside it", line.at("/file_id"), is(word.as_str()));
    }
    case.expect("lines of the request that are not one JSON object", loose(&lines), is(0));
    for (service, _, lines) in &others {
        case.expect(format!("lines of {service} that are not one JSON object"), loose(lines), is(0));
    }

    case.step(
        4,
        "The line has `timestamp`, `level`, `message` and the name of the service (`service_name` or `service`)",
    );
    for line in &lines {
        has_its_fields(case, Service::Auth, line, now);
    }
    for (service, _, lines) in &others {
        for line in lines {
            has_its_fields(case, *service, line, now);
        }
    }

    case.step(5, "The line has `correlation_id`");
    for line in &lines {
        case.expect("correlation_id of a line of the request", line.at("/correlation_id"), is(id.as_str()));
    }
    for (service, id, lines) in &others {
        case.expect(format!("lines of {service} about a request"), lines.len(), at_least(1.0));
        for line in lines {
            case.expect(format!("correlation_id of a line of {service}"), line.at("/correlation_id"), is(id.as_str()));
        }
    }

    gathered(case, &services).await?;

    case.step(3, "The line parses as one JSON object");
    last_lines(case).await
}

/// What the services wrote since they were started; elsewhere that may be years ago, so each is asked for a line of now.
async fn json_is_on(case: &mut Case, services: &[Service]) -> Result<Option<Vec<Asked>>, Stop> {
    if !case.can(Need::Power(Power::Configure)) {
        let asked = one_request_each(case, services).await?;
        for (service, _, lines) in &asked {
            if lines.is_empty() {
                // Not every request need leave a line for this step; step 5 asks for those.
                let first = case.lines(case.log_start(*service), &["{"], |line| line["text"].is_null()).await?;
                let told = first.iter().filter(|line| log_line::is_told(line)).count();
                case.expect(format!("JSON lines at the beginning of the log of {service}"), told, at_least(1.0));
                continue;
            }
            json_is_told(case, &format!("of {service} about a request"), lines);
        }
        return Ok(Some(asked));
    }
    for &service in services {
        let start = case.log_start(service);
        let lines = case.all_lines(start, &[""], |_| true).await?;
        json_is_told(case, &format!("of {service} since its start"), &lines);
    }
    Ok(None)
}

/// Other lines share the streams (contract, section 3.1): those are nobody's to read.
fn json_is_told(case: &mut Case, which: &str, lines: &[Seen]) {
    let json: Vec<&Seen> = lines.iter().filter(|line| !is_loose(line)).collect();
    case.expect(format!("JSON lines {which}"), json.len(), at_least(1.0));
    let unfit = json.iter().filter(|line| !log_line::is_told(line)).count();
    case.expect(format!("JSON lines {which} that lack time, level or message"), unfit, is(0));
}

/// What a request made the service write.
struct Written {
    id: String,
    /// A word that stands beside the text.
    word: String,
    lines: Vec<Seen>,
    /// Those of the lines that hold a text of all kinds; none where there is no probe.
    texts: Vec<Seen>,
}

/// Has the service write a text of all kinds.
async fn hostile_text(case: &mut Case) -> Result<Written, Stop> {
    let (id, word, mark) = (case.id(), case.word(), case.mark(Service::Auth).await?);
    let path = format!("/test/error?user_id={}&file_id={word}", encoded(HOSTILE));
    let reply = case.http(Service::Auth).get(&path).header("x-correlation-id", &id).send().await?;
    case.expect("status of the probe that logs", reply.status(), is(200));
    let lines = trace(case, Service::Auth, mark, &id).await?;
    let texts: Vec<Seen> = lines.iter().filter(|line| line.at("/level").text() == Some("ERROR")).cloned().collect();
    case.require("ERROR lines that the probe made", texts.len(), is(2))?;
    Ok(Written { id, word, lines, texts })
}

/// As [`hostile_text`], where there is no probe: the id itself holds signs that a line must escape.
async fn hostile_id(case: &mut Case) -> Result<Written, Stop> {
    let (word, mark) = (case.word(), case.mark(Service::Auth).await?);
    let id = format!("{word}{HOSTILE_ID}");
    let health = Service::Auth.health_path();
    let reply = case.http(Service::Auth).get(health).header("x-correlation-id", &id).send().await?;
    case.expect("status of the request", reply.status(), is(200));
    let lines = trace(case, Service::Auth, mark, &word).await?;
    case.require("lines about the request", lines.len(), at_least(1.0))?;
    Ok(Written { id, word, lines, texts: Vec::new() })
}

/// Lines that are no JSON object; the log probe shows them as their text alone.
fn loose(lines: &[Seen]) -> usize {
    lines.iter().filter(|line| is_loose(line)).count()
}

fn is_loose(line: &Seen) -> bool {
    line.keys() == ["text"]
}

/// JSON lines that lack a base field.
fn unfit(lines: &[Seen], service: Service) -> usize {
    lines.iter().filter(|line| !is_loose(line) && !is_whole(line, service)).count()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn has_its_fields(case: &mut Case, service: Service, line: &Seen, now: f64) {
    let words = "time of the line, in s since 1970";
    case.expect(format!("{words}, {service}"), time_of(line), within(SKEW, now));
    case.expect("level of the line", line.at("/level"), one_of(LEVELS));
    case.expect("message of the line", line.at("/message"), present());
    case.expect("name of the service in the line", service_of(line), is(service.name()));
}

/// A service that was asked, the id of the request, and its lines.
type Asked = (Service, String, Vec<Seen>);

/// Asks each service once.
async fn one_request_each(case: &mut Case, services: &[Service]) -> Result<Vec<Asked>, Stop> {
    let mut all = Vec::new();
    for &service in services {
        let (id, mark) = (case.id(), case.mark(service).await?);
        case.http(service).get(service.health_path()).header("x-correlation-id", &id).send().await?;
        let lines = trace(case, service, mark, &id).await?;
        all.push((service, id, lines));
    }
    Ok(all)
}

/// Two requests at the same moment, followed through everything that was written meanwhile.
async fn gathered(case: &mut Case, services: &[Service]) -> Result<(), Stop> {
    case.step(6, "The lines are handed to a log aggregator");
    case.observed_as("the harness gathers the lines of all processes and searches them; no aggregator is started");
    case.needs(Need::Log(Service::Gateway))?;
    let mut marks = Vec::new();
    for &service in services {
        marks.push((service, case.mark(service).await?));
    }
    let (one, other) = (case.id(), case.id());
    let (word, other_word) = (case.word(), case.word());
    let asked = [(&one, &word), (&other, &other_word)];
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;
    let mut pending = Vec::new();
    for (id, word) in asked {
        let request = case.http(Service::Gateway).get(&format!("/api/auth/health/{word}")).bearer(&token);
        pending.push(request.header("x-correlation-id", id).start()?);
    }
    for request in pending {
        let reply = case.answer(request).await?;
        case.expect("status of a path that nobody serves", reply.status(), is(404));
    }
    let gathered = gather(case, &marks, &[&one, &other]).await?;
    for (service, lines) in &gathered {
        case.expect(
            format!("gathered lines of {service} that lack time, level, message or its name"),
            unfit(lines, *service),
            is(0),
        );
    }

    case.step(7, "The gathered lines are searched by `correlation_id`");
    let found = gathered.iter().filter(|(_, lines)| !search(lines, &one).is_empty());
    let names: BTreeSet<&str> = found.map(|(service, _)| service.name()).collect();
    case.expect(
        "services in whose logs the search finds lines",
        names.into_iter().collect::<Vec<_>>(),
        is(vec!["api-gateway", "auth-service"]),
    );
    let of = |wanted: Service| gathered.iter().filter(move |(service, _)| *service == wanted);
    let [at_gateway, at_auth] = [Service::Gateway, Service::Auth]
        .map(|service| of(service).flat_map(|(_, lines)| lines.clone()).collect::<Vec<Seen>>());
    for (service, lines) in [(Service::Gateway, &at_gateway), (Service::Auth, &at_auth)] {
        tells_of(case, service, &search(lines, &one), 1, "the request that is searched for");
    }
    let all: Vec<Seen> = gathered.into_iter().flat_map(|(_, lines)| lines).collect();

    case.step(8, "The search returns all lines of that request");
    for (id, word) in asked {
        let (gateway, auth) = (search(&at_gateway, id), search(&at_auth, id));
        for ((service, all), found) in LINES_OF_A_TRACE.into_iter().zip([&gateway, &auth]) {
            let least = if let Ending::InOriginalWords(_) = ending(service, found) { all } else { 1 };
            case.expect(format!("lines found at {service}"), found.len(), at_least(least as f64));
        }
        for (service, lines) in [(Service::Gateway, &gateway), (Service::Auth, &auth)] {
            let times: Vec<f64> = lines.iter().filter_map(time_of).collect();
            case.expect(format!("lines of {service} are in the order of their times"), times.is_sorted(), is(true));
        }
        // The word stands in the request's path and nowhere else.
        let of_the_path = all.iter().filter(|line| mentions(line, word));
        let missed: Vec<Seen> =
            of_the_path.filter(|line| line.at("/correlation_id").text() != Some(id)).cloned().collect();
        case.expect("lines about the request that the search misses", missed.len(), is(0));
    }
    let foreign = search(&all, &one).iter().filter(|line| mentions(line, &other_word)).count();
    case.expect("lines of the other request among those found", foreign, is(0));
    Ok(())
}

/// Everything written since the marks, as soon as it holds the whole traces of these requests.
async fn gather(case: &mut Case, marks: &[(Service, Mark)], ids: &[&str]) -> Result<Vec<(Service, Vec<Seen>)>, Stop> {
    let mut all = Vec::new();
    for &(service, mark) in marks {
        let traced = matches!(service, Service::Gateway | Service::Auth);
        let lines = case
            .lines_until(mark, &[""], |lines| {
                let has_ended = |id: &&str| {
                    let ours: Vec<Value> =
                        lines.iter().filter(|line| line["correlation_id"] == **id).cloned().collect();
                    ended(service, &ours, 1)
                };
                !traced || ids.iter().all(has_ended)
            })
            .await?;
        all.push((service, lines));
    }
    Ok(all)
}

fn search(lines: &[Seen], id: &str) -> Vec<Seen> {
    lines.iter().filter(|line| line.at("/correlation_id").text() == Some(id)).cloned().collect()
}

/// Whether the line names a path with this word in it.
fn mentions(line: &Seen, word: &str) -> bool {
    line.at("/path").text().is_some_and(|path| path.contains(word))
}

/// What a service writes while it ends is JSON, too.
async fn last_lines(case: &mut Case) -> Result<(), Stop> {
    if !case.can(Need::Control) || !case.can(Need::Log(Service::Diagram)) {
        return Ok(());
    }
    let mark = case.mark(Service::Diagram).await?;
    case.stop_service(Service::Diagram).await?;
    let lines = case.lines(mark, &[""], |line| !line["signal"].is_null()).await?;
    let signal = lines.iter().map(|line| line.at("/signal")).find(Seen::is_there);
    case.expect("signal that the last lines of diagram-service name", signal, is("SIGTERM"));
    case.expect("last lines of diagram-service that lack what every line has", unfit(&lines, Service::Diagram), is(0));
    Ok(())
}
