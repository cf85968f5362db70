//! Feature 7: the gateway forwards each request to the service that its path prefix names.

use super::log_line::{ended, service_of};
use crate::check::{Case, Check, Seen, Stop, absent, contains, is, one_of, present, such_that};
use crate::probe::{Mark, Reply};
use crate::sabotage::{rewrite_status, rewrite_text};
use crate::target::{Need, Service, Setup};
use serde_json::{Value, json};

/// Where each service says who it is, behind the gateway. Two have no route in the contract (section 2.2); a few are
/// tried for them (`docs/routes.md`).
const ROUTES: [(Service, &[&str]); 10] = [
    (Service::Gateway, &["/health"]),
    (Service::Auth, &["/api/auth/health"]),
    (Service::Diagram, &["/api/diagrams/health"]),
    (Service::Ai, &["/api/ai/health"]),
    (Service::Collaboration, &["/api/collaboration/health"]),
    (Service::Git, &["/api/git/health"]),
    (Service::Export, &["/api/export/health"]),
    (Service::Integration, &["/api/integrations/health"]),
    (Service::SvgRenderer, &["/api/svg/health", "/api/svg-renderer/health", "/api/render/health"]),
    (Service::Frontend, &["/api/frontend/health", "/api/frontend/api/health", "/"]),
];
/// Paths that begin like a route, hold one, or are like nothing.
const UNKNOWN: [&str; 4] = ["/api/unknown/things", "/api/diagramsX/", "/api/v1/diagrams/", "/nothing/here"];
/// What a route is known by where the log of the service behind it cannot be read.
const ANSWER_ALONE: &str = "the answer alone, for the service's log cannot be read";

pub const CHECK: Check = Check {
    feature: 7,
    revision: 5,
    setup: Setup::Shared,
    needs: &[Need::Address(Service::Gateway)],
    control: "a request is seen in the log of its own service and not in another's",
    sabotage: &[
        rewrite_status("no route leads to svg-renderer", Service::Gateway, "/api/svg/health", 404),
        rewrite_text(
            "exports are handed to another service",
            Service::Gateway,
            "/api/export/health",
            "export-service",
            "git-service",
        ),
        rewrite_status("an unknown path is answered 200", Service::Gateway, "/api/v1/diagrams/", 200),
    ],
    run: |case| Box::pin(run(case)),
};

/// A request with its correlation id, and what came back.
struct Sent {
    id: String,
    reply: Reply,
}

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "The gateway is started (port 8080 by default)");
    let health = case.http(Service::Gateway).get("/health").send().await?;
    case.require("status of the gateway's health", health.status(), is(200))?;
    case.expect("service that answers", health.at("/service"), is("api-gateway"));

    case.step(2, "POST /api/auth/login is sent through the gateway");
    let actor = case.actor().await?;
    let (mark, ai_mark) = (mark(case, Service::Auth).await?, self::mark(case, Service::Ai).await?);
    let login = json!({"email": actor.email, "password": actor.password});
    let signed_in = send(case, "POST", "/api/auth/login", None, Some(login)).await?;
    case.expect("silence after the request", signed_in.reply.silence(), absent());

    case.step(3, "auth-service answers it (port 8085 by default)");
    case.require("status of signing in", signed_in.reply.status(), is(200))?;
    let user = signed_in.reply.claims("access_token").at("/sub");
    case.expect("user of the token in the answer", user, is(actor.id.as_str()));
    // A stored answer knows nothing of what was sent.
    let empty = send(case, "POST", "/api/auth/login", None, Some(json!({}))).await?;
    case.expect("status of signing in without an address", empty.reply.status(), one_of([400, 401, 422]));
    is_logged(case, Service::Auth, mark, &signed_in.id).await?;
    let token = signed_in.reply.token("access_token");

    case.step(4, "GET /api/diagrams is sent through the gateway");
    let mark = self::mark(case, Service::Diagram).await?;
    let bare = send(case, "GET", "/api/diagrams", Some(&token), None).await?;
    // Without the slash at its end the path may be answered at once, or by a redirect to the one with it.
    case.expect("status of the path without a slash at its end", bare.reply.status(), one_of([200, 307]));
    if bare.reply.status().number() == Some(307.0) {
        case.expect("where the redirect leads", bare.reply.header("location"), contains("/api/diagrams/"));
    }
    let list = send(case, "GET", "/api/diagrams/", Some(&token), None).await?;
    case.expect("silence after the request", list.reply.silence(), absent());

    case.step(5, "diagram-service answers it (port 8082 by default)");
    case.expect("status of the list", list.reply.status(), is(200));
    // Somebody who was there before may have some.
    let wanted = if case.can(Need::Account) { such_that("a list", Value::is_array) } else { is(json!([])) };
    case.expect("diagrams of a new user", list.reply.at("/diagrams"), wanted);
    is_logged(case, Service::Diagram, mark, &list.id).await?;

    case.step(6, "A request for /api/ai/generate is sent through the gateway");
    let gateway = self::mark(case, Service::Gateway).await?;
    let body = json!({"prompt": "a web shop with a cache"});
    let generated = send(case, "POST", "/api/ai/generate", Some(&token), Some(body)).await?;
    case.expect("silence after the request", generated.reply.silence(), absent());

    case.step(7, "ai-service answers it (port 8084 by default)");
    ai_has_answered(case, [ai_mark, gateway], &generated, &[&signed_in.id, &list.id]).await?;

    case.step(8, "Each of the 10 services is reached by its route");
    for (service, candidates) in ROUTES {
        is_reached(case, service, candidates, &token).await?;
    }
    whole_path_and_query_arrive(case).await?;

    case.step(9, "A path that no route knows is answered 404");
    for path in UNKNOWN {
        let reply = case.http(Service::Gateway).get(path).bearer(&token).send().await?;
        case.expect(format!("status of {path}"), reply.status(), is(404));
        case.expect(format!("what the answer to {path} says"), reply.at("/detail"), present());
    }
    Ok(())
}

async fn send(
    case: &mut Case,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> Result<Sent, Stop> {
    let id = case.id();
    let mut request = case.http(Service::Gateway).method(method, path).header("x-correlation-id", &id);
    if let Some(token) = token {
        request = request.bearer(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    Ok(Sent { reply: request.send().await?, id })
}

/// The end of a service's log, where it can be read.
async fn mark(case: &mut Case, service: Service) -> Result<Option<Mark>, Stop> {
    match case.can(Need::Log(service)) {
        true => Ok(Some(case.mark(service).await?)),
        false => Ok(None),
    }
}

/// The service itself logs the request, where its log can be read.
async fn is_logged(case: &mut Case, service: Service, mark: Option<Mark>, id: &str) -> Result<(), Stop> {
    let Some(mark) = mark else {
        case.observed_as(ANSWER_ALONE);
        return Ok(());
    };
    let lines = case.lines(mark, &[id], |line| line["correlation_id"] == json!(id)).await?;
    let line = lines.first().cloned().unwrap_or_else(|| case.silence());
    case.expect(format!("service whose log holds the request to {service}"), service_of(&line), is(service.name()));
    Ok(())
}

/// An answer that only ai-service can give, or a line in its log; and there, none about the other requests.
async fn ai_has_answered(
    case: &mut Case,
    [mark, gateway]: [Option<Mark>; 2],
    sent: &Sent,
    others: &[&str],
) -> Result<(), Stop> {
    let answer =
        such_that("an answer that is not the gateway's own: none of 401, 405, 429, 500, 502, 503, 504", |status| {
            status.as_u64().is_some_and(|status| ![401, 405, 429, 500, 502, 503, 504].contains(&status))
        });
    case.expect("status of the answer", sent.reply.status(), answer);
    let Some(mark) = mark else {
        // A service that does not know the path answers as the gateway would for a path without a route.
        if sent.reply.status().number() == Some(404.0) {
            let Some(gateway) = gateway else {
                return Err(Stop::Needs(Need::Log(Service::Ai)));
            };
            let handed_on = handed_on_to_ai(case, gateway, sent).await?;
            case.expect("what the gateway says of the service that answered", handed_on, is(404));
        } else {
            case.observed_as(ANSWER_ALONE);
        }
        return Ok(());
    };
    let ids: Vec<&str> = others.iter().copied().chain([sent.id.as_str()]).collect();
    let lines = case.all_lines(mark, &ids, |line| line["correlation_id"] == json!(sent.id)).await?;
    let first = lines.first().cloned().unwrap_or_else(|| case.silence());
    case.expect("service whose log holds the request", service_of(&first), is("ai-service"));
    let foreign: Vec<Value> =
        lines.iter().map(|line| line.at("/correlation_id").into()).filter(|id: &Value| *id != json!(sent.id)).collect();
    case.expect("requests to other services in ai-service's log", foreign, absent());
    Ok(())
}

/// The status with which ai-service answered, from the gateway's line about it (contract, section 3.2).
async fn handed_on_to_ai(case: &mut Case, gateway: Mark, sent: &Sent) -> Result<Seen, Stop> {
    let id = [sent.id.as_str()];
    let lines = case.lines_until(gateway, &id, |lines| ended(Service::Gateway, lines, 1)).await?;
    // The time that the service took stands in no other line.
    let answered = lines.iter().find(|line| line.at("/response_time_ms").is_there());
    Ok(answered.map_or_else(|| case.silence(), |line| line.at("/status_code")))
}

/// A path of several parts, and what follows its question mark; the probe says what it was asked for.
async fn whole_path_and_query_arrive(case: &mut Case) -> Result<(), Stop> {
    if !case.can(Need::TestEndpoints) {
        return Ok(());
    }
    let delay = f64::from(16 + case.drawn_below(32)) / 1000.0;
    let path = format!("/api/auth/test/performance?x=%26&delay={delay}");
    let reply = case.http(Service::Gateway).get(&path).send().await?;
    case.expect("status of a probe that is told how long to take", reply.status(), is(200));
    case.expect("how long it says it was told to take, in s", reply.at("/delay_seconds"), is(delay));
    Ok(())
}

/// By one of a few routes; the last that was tried is shown where none leads there.
async fn is_reached(case: &mut Case, service: Service, candidates: &[&str], token: &str) -> Result<(), Stop> {
    let mut reached = None;
    for path in candidates {
        let reply = case.http(Service::Gateway).get(path).bearer(token).send().await?;
        let found = reply.status().number() == Some(200.0);
        reached = Some((*path, reply));
        if found {
            break;
        }
    }
    let Some((path, reply)) = reached else {
        return Ok(());
    };
    case.expect(format!("status of {path}"), reply.status(), is(200));
    if path == "/" {
        case.expect(format!("page of {service} at {path}"), reply.body(), contains("<html"));
    } else {
        case.expect(format!("service that answers {path}"), reply.at("/service"), is(service.name()));
    }
    Ok(())
}
