//! Feature 39: errors are recorded with their stack trace and what was being done.

use super::log_line::{LEVELS, trace};
use super::stack_trace::{has_its_trace, names_all};
use crate::actor::Actor;
use crate::check::{Case, Check, Seen, Stop, at_least, below, contains, is, is_not, one_of, present, such_that};
use crate::probe::Reply;
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Part, Power, Service, Setup};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const ID: &str = "x-correlation-id";
/// What the services are told of themselves.
const VERSION: &str = "2.7.1";
const ENVIRONMENT: &str = "docker";
/// The functions of the nested error, the outermost first (contract, section 3.9).
const NESTED: [&str; 3] = ["level_1", "level_2", "level_3"];
/// How long an event may be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(5);
/// An answer that waits for a tracker which is away would take longer, in ms.
const UNHURRIED: f64 = 2500.0;

pub const CHECK: Check = Check {
    feature: 39,
    revision: 3,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth, Service::Diagram]).with(&[Part::ErrorTracker]).set(
        &[
            (Service::Auth, "VERSION", VERSION),
            (Service::Auth, "ENV", ENVIRONMENT),
            (Service::Diagram, "VERSION", VERSION),
            (Service::Diagram, "ENV", ENVIRONMENT),
        ],
    )),
    needs: &[Need::Address(Service::Gateway), Need::Log(Service::Auth), Need::TestEndpoints],
    control: "an error of another type is another group, and no request without an error has an event",
    sabotage: &[
        set_variable("auth-service has no error tracker", Service::Auth, "SENTRY_DSN", ""),
        set_variable(
            "diagram-service's errors go where nobody listens",
            Service::Diagram,
            "SENTRY_DSN",
            "http://0123456789abcdef0123456789abcdef@127.0.0.1:9/41",
        ),
    ],
    run: |case| Box::pin(run(case)),
};

/// A request that caused errors, and the ERROR lines it left.
struct Caused {
    id: String,
    reply: Reply,
    errors: Vec<Seen>,
}

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "An error is caused in a service (GET /test/error)");
    let (user, file) = (case.word(), case.word());
    let probe = format!("/test/error?user_id={user}&file_id={file}");
    let caused = cause(case, Service::Auth, &format!("/api/auth{probe}"), None).await?;
    case.require("status of the probe that causes errors", caused.reply.status(), is(200))?;
    case.expect("type of the error that it reports", caused.reply.at("/error_type"), present());
    case.expect("user whom it reports", caused.reply.at("/user_id"), is(user.as_str()));
    let nested = cause(case, Service::Auth, "/api/auth/test/nested-error", None).await?;
    case.expect("status of the probe that causes a nested error", nested.reply.status(), is(200));
    let actor = case.actor().await?;
    let real = real_fault(case, &actor).await?;

    case.step(2, "The error is logged with its whole `stack_trace`");
    case.require("ERROR lines of the probe", caused.errors.len(), is(2))?;
    case.require("ERROR lines of the nested error", nested.errors.len(), is(1))?;
    let first = caused.errors[0].clone();
    for field in ["/error_type", "/error_message"] {
        case.expect(format!("{field} of the first line"), first.at(field), is(caused.reply.at(field)));
    }
    for line in caused.errors.iter().chain(&nested.errors) {
        has_its_trace(case, line);
    }
    case.expect("trace of the nested error", nested.errors[0].at("/stack_trace"), names_all(&NESTED));
    case.expect("depth of the nested error", nested.errors[0].at("/depth"), is(3));

    case.step(3, "The line has the context of the request, `user_id` and `file_id`");
    for line in &caused.errors {
        case.expect("user in the line", line.at("/user_id"), is(user.as_str()));
        case.expect("file in the line", line.at("/file_id"), is(file.as_str()));
    }
    case.expect("what was being done", first.at("/operation"), is("test_division"));
    case.expect("path of the request", first.at("/request_path"), is("/test/error"));

    case.step(4, "The line has the `correlation_id` of the request");
    for caused in [&caused, &nested] {
        for line in &caused.errors {
            case.expect("correlation_id of the line", line.at("/correlation_id"), is(caused.id.as_str()));
        }
    }
    if let Some((caused, file)) = &real {
        real_fault_is_logged(case, caused, &actor, file);
    }

    case.step(5, "The error is sent to the error tracker (Sentry)");
    case.needs(Need::Part(Part::ErrorTracker))?;
    let events = events_of(case, &caused.id, 2).await?;
    case.require("events of the probe's errors", events.len(), is(2))?;
    for (event, line) in events.iter().zip(&caused.errors) {
        says_what_the_line_says(case, event, line, Service::Auth);
        case.expect("user in the event", event.at("/payload/user/id"), is(user.as_str()));
        case.expect("file in the event", event.at("/payload/extra/file_id"), is(file.as_str()));
    }
    let of_nested = events_of(case, &nested.id, 1).await?;
    case.require("events of the nested error", of_nested.len(), is(1))?;
    says_what_the_line_says(case, &of_nested[0], &nested.errors[0], Service::Auth);
    frames_lead_to_the_fault(case, &of_nested[0]);

    case.step(6, "The error tracker shows it, as on the Sentry dashboard");
    case.observed_as(
        "a double of Sentry takes the events, and is searched for them as the dashboard is; no Sentry is started",
    );
    shown(case, &events, &of_nested).await?;
    if let Some((caused, file)) = &real {
        real_fault_is_shown(case, caused, &actor, file).await?;
        no_secret_is_sent(case, &actor).await?;
        tracker_may_be_away(case).await?;
    }

    case.step(7, "Errors of one type form one group, and another type another");
    let again = cause(case, Service::Auth, &format!("/api/auth{probe}"), None).await?;
    grouped(case, &events, &of_nested[0], &again).await
}

/// Sends a request through the gateway and waits for the ERROR lines that it leaves in a service's log.
async fn cause(case: &mut Case, service: Service, path: &str, token: Option<&str>) -> Result<Caused, Stop> {
    let (id, mark) = (case.id(), case.mark(service).await?);
    let mut request = case.http(Service::Gateway).get(path).header(ID, &id);
    if let Some(token) = token {
        request = request.bearer(token);
    }
    let reply = request.send().await?;
    let mut errors = trace(case, service, mark, &id).await?;
    for line in &errors {
        case.expect("level of a line of the request", line.at("/level"), one_of(LEVELS));
    }
    errors.retain(|line| line.at("/level").text() == Some("ERROR"));
    Ok(Caused { id, reply, errors })
}

/// A fault that no probe makes: the table of diagrams is away while one is asked for. The request, and the id asked for.
async fn real_fault(case: &mut Case, actor: &Actor) -> Result<Option<(Caused, String)>, Stop> {
    if [Need::Sql, Need::Disposable, Need::Log(Service::Diagram)].into_iter().any(|need| !case.can(need)) {
        return Ok(None);
    }
    let token = case.token_of(actor).await?;
    let file = case.id();
    case.execute(&["alter table files rename to files_away"]).await?;
    let caused = cause(case, Service::Diagram, &format!("/api/diagrams/{file}"), Some(&token)).await?;
    case.execute(&["alter table files_away rename to files"]).await?;
    case.expect("status while the table is away", caused.reply.status(), one_of([500, 503]));
    Ok(Some((caused, file)))
}

fn real_fault_is_logged(case: &mut Case, caused: &Caused, actor: &Actor, file: &str) {
    case.expect("ERROR lines of a fault that no probe made", caused.errors.len(), at_least(1.0));
    let line = caused.errors.first().cloned().unwrap_or_else(|| case.silence());
    has_its_trace(case, &line);
    case.expect("user in the line of that fault", line.at("/user_id"), is(actor.id.as_str()));
    case.expect("file in the line of that fault", line.at("/file_id"), is(file));
    case.expect("correlation_id of that line", line.at("/correlation_id"), is(caused.id.as_str()));
}

/// The events that bear a correlation id, once there are so many.
async fn events_of(case: &mut Case, id: &str, count: usize) -> Result<Vec<Seen>, Stop> {
    let of_id = |one: &Value| one["payload"]["tags"]["correlation_id"] == *id;
    let events = case.received_of(Part::ErrorTracker, &format!("events of {id}"), ON_ITS_WAY, count, of_id).await?;
    for event in &events {
        case.expect("correlation_id of an event", event.at("/payload/tags/correlation_id"), is(id));
    }
    Ok(events)
}

/// The exception that an event is about: Sentry puts it last.
fn exception(event: &Seen) -> Seen {
    let all = event.at("/payload/exception/values");
    let last = all.items().len().saturating_sub(1);
    all.at(&format!("/{last}"))
}

fn says_what_the_line_says(case: &mut Case, event: &Seen, line: &Seen, service: Service) {
    let exception = exception(event);
    case.expect("type of the exception", exception.at("/type"), is(line.at("/error_type")));
    case.expect("value of the exception", exception.at("/value"), is(line.at("/error_message")));
    let frames = exception.at("/stacktrace/frames").items().len();
    case.expect("frames of its stack", frames, at_least(1.0));
    case.expect("service in the event", event.at("/payload/tags/service"), is(service.name()));
    case.expect("release in the event", event.at("/payload/release"), is(VERSION));
    case.expect("environment in the event", event.at("/payload/environment"), is(ENVIRONMENT));
    let level = such_that("error, which is what none means", |level| level.is_null() || *level == "error");
    case.expect("level of the event", event.at("/payload/level"), level);
    case.expect("time of the event", event.at("/payload/timestamp"), present());
    case.expect("program that sent it", event.at("/client"), present());
}

/// Sentry wants the outermost call first and the place of the fault last.
fn frames_lead_to_the_fault(case: &mut Case, event: &Seen) {
    let mut frames = exception(event).at("/stacktrace/frames").items();
    // Behind the last of them may stand whatever it called to fail.
    let frames = frames.split_off(frames.len().saturating_sub(NESTED.len() + 2));
    let at = |name: &str| {
        frames.iter().position(|frame| frame.at("/function").text().is_some_and(|function| function.contains(name)))
    };
    let order: Vec<usize> = NESTED.into_iter().filter_map(at).collect();
    case.expect("nested functions among the last frames", order.len(), is(NESTED.len()));
    case.expect("they stand in the order of their calls", order.is_sorted(), is(true));
    for frame in order.iter().map(|&at| &frames[at]) {
        case.expect("line of a nested function", frame.at("/lineno"), at_least(1.0));
        case.expect("file of a nested function", frame.at("/filename"), present());
    }
}

/// Each event is there once, under an id of its own; a request without an error has none.
async fn shown(case: &mut Case, events: &[Seen], nested: &[Seen]) -> Result<(), Stop> {
    let mut ids = BTreeSet::new();
    for event in events.iter().chain(nested) {
        let hex = such_that("32 hexadecimal digits", |id| {
            id.as_str().is_some_and(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        });
        case.expect("id that the event is kept under", event.at("/id"), hex);
        ids.extend(event.at("/id").text().map(str::to_owned));
    }
    case.expect("different ids of three events", ids.len(), is(3));
    let well = case.id();
    let reply = case.http(Service::Gateway).get("/api/auth/health").header(ID, &well).send().await?;
    case.expect("status of a request without an error", reply.status(), is(200));
    // Sent after it: once this event is there, one of the request before would be there, too.
    let later = cause(case, Service::Auth, "/api/auth/test/nested-error", None).await?;
    let shown = events_of(case, &later.id, 1).await?;
    case.require("events found by the id of a later error", shown.len(), is(1))?;
    case.expect("group of that error", shown[0].at("/group"), is(nested[0].at("/group")));
    let none = events_of(case, &well, 0).await?;
    case.expect("events found by the id of a request without an error", none.len(), is(0));
    Ok(())
}

/// The same errors again fall into the groups of the first ones, and each type has a group of its own.
async fn grouped(case: &mut Case, events: &[Seen], nested: &Seen, again: &Caused) -> Result<(), Stop> {
    let events_again = events_of(case, &again.id, 2).await?;
    case.require("events of the same errors again", events_again.len(), is(2))?;
    case.expect("group of the first error", events[0].at("/group"), present());
    for (one, other) in events.iter().zip(&events_again) {
        case.expect("group of an error that came again", other.at("/group"), is(one.at("/group")));
    }
    case.expect("group of another type of error", events[1].at("/group"), is_not(events[0].at("/group")));
    for event in events {
        case.expect("group of the nested error", nested.at("/group"), is_not(event.at("/group")));
    }
    Ok(())
}

async fn real_fault_is_shown(case: &mut Case, caused: &Caused, actor: &Actor, file: &str) -> Result<(), Stop> {
    let events = events_of(case, &caused.id, 1).await?;
    case.require("events of the fault that no probe made", events.len(), at_least(1.0))?;
    let line = caused.errors.first().cloned().unwrap_or_else(|| case.silence());
    says_what_the_line_says(case, &events[0], &line, Service::Diagram);
    case.expect("user in that event", events[0].at("/payload/user/id"), is(actor.id.as_str()));
    case.expect("file in that event", events[0].at("/payload/extra/file_id"), is(file));
    // Nobody listens where git-service should be.
    let token = case.token_of(actor).await?;
    let away = cause(case, Service::Gateway, "/api/git/health", Some(&token)).await?;
    case.expect("status of a request to a service that is away", away.reply.status(), is(503));
    let events = events_of(case, &away.id, 1).await?;
    case.require("events of the gateway's error", events.len(), at_least(1.0))?;
    case.expect("service in that event", events[0].at("/payload/tags/service"), is(Service::Gateway.name()));
    case.expect("user in that event", events[0].at("/payload/user/id"), is(actor.id.as_str()));
    Ok(())
}

/// A sign-in that fails for want of the table: neither its line nor its event holds the password.
async fn no_secret_is_sent(case: &mut Case, actor: &Actor) -> Result<(), Stop> {
    let (id, mark) = (case.id(), case.mark(Service::Auth).await?);
    case.execute(&["alter table users rename to users_away"]).await?;
    let body = json!({"email": actor.email, "password": actor.password});
    let request = case.http(Service::Gateway).post("/api/auth/login").json(body);
    let reply = request.header(ID, &id).send().await?;
    case.execute(&["alter table users_away rename to users"]).await?;
    case.expect("status of a sign-in while the table is away", reply.status(), one_of([500, 503]));
    // Observations hold a secret by its name alone, which begins with this sign.
    let clean =
        || such_that("something without a secret in it", |value| !value.is_null() && !value.to_string().contains('‹'));
    let lines = trace(case, Service::Auth, mark, &id).await?;
    let errors: Vec<&Seen> = lines.iter().filter(|line| line.at("/level").text() == Some("ERROR")).collect();
    case.expect("ERROR lines of that sign-in", errors.len(), at_least(1.0));
    for line in errors {
        case.expect("message of the error of a sign-in", line.at("/error_message"), clean());
    }
    let events = events_of(case, &id, 1).await?;
    case.require("events of that sign-in", events.len(), at_least(1.0))?;
    for part in ["/exception/values/0/value", "/extra"] {
        case.expect(format!("{part} of its event"), events[0].at("/payload").at(part), clean());
    }
    case.expect(
        "request in its event",
        events[0].at("/payload/request"),
        such_that("nothing, or no secret", |value| !value.to_string().contains('‹')),
    );
    Ok(())
}

/// What is on its way at the end still arrives, and a tracker that is away keeps nobody waiting.
async fn tracker_may_be_away(case: &mut Case) -> Result<(), Stop> {
    if !case.can(Need::Power(Power::Configure)) {
        return Ok(());
    }
    let last = cause(case, Service::Auth, "/api/auth/test/nested-error", None).await?;
    case.stop_service(Service::Auth).await?;
    let events = events_of(case, &last.id, 1).await?;
    case.expect("events of an error right before the service ended", events.len(), is(1));
    let nowhere = "http://0123456789abcdef0123456789abcdef@127.0.0.1:9/41";
    case.start_service_with(Service::Auth, &[("SENTRY_DSN", Some(nowhere))]).await?;
    let alone = cause(case, Service::Auth, "/api/auth/test/nested-error", None).await?;
    case.expect("status of the probe while the tracker is away", alone.reply.status(), is(200));
    case.expect("time that it took, in ms", alone.reply.ms(), below(UNHURRIED));
    case.expect("ERROR lines while the tracker is away", alone.errors.len(), is(1));
    let line = alone.errors.first().cloned().unwrap_or_else(|| case.silence());
    case.expect("trace while the tracker is away", line.at("/stack_trace"), contains(NESTED[2]));
    case.stop_service(Service::Auth).await?;
    case.start_service(Service::Auth).await
}
