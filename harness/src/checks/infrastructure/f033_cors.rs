//! Feature 33: CORS lets the frontend's origin call the gateway and turns other origins away.

use super::away::is_away;
use crate::check::{Case, Check, Stop, absent, contains, is, present, such_that};
use crate::doubles::COOKIE;
use crate::probe::Reply;
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Power, Service, Setup, Signal};
use serde_json::json;
use std::time::Duration;

/// The frontend's origin.
const FRONTEND: &str = "http://localhost:3000";
/// What browsers ask leave to send beyond the plain.
const ASKED_HEADERS: &str = "authorization,content-type,idempotency-key,x-correlation-id";
/// Origins that look like the frontend's to a careless comparison, and some that do not.
const FOREIGN: [&str; 12] = [
    "http://evil.example",
    "null",
    "https://localhost:3000",
    "http://localhost:3001",
    "http://localhost:30000",
    "http://localhost",
    "http://localhost:3000.evil.example",
    "http://evil.localhost:3000",
    "http://evillocalhost:3000",
    "http://127.0.0.1:3000",
    "http://localhost:3000@evil.example",
    "http://evil.example/http://localhost:3000",
];
/// A path for everybody, and one for those who are signed in.
const PUBLIC: &str = "/health";
const PROTECTED: &str = "/api/diagrams/";
/// When a request is cut off for sure.
const CUT_OFF: Duration = Duration::from_millis(30_300);
/// Served by a stand-in that tells what reached it.
const ECHO: &str = "/api/git/cookies";

pub const CHECK: Check = Check {
    feature: 33,
    revision: 4,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth, Service::Diagram]).echoing(&[Service::Git])),
    needs: &[Need::Address(Service::Gateway)],
    control: "the same requests from an origin that only resembles the frontend's get no leave",
    sabotage: &[
        set_variable("only another origin is allowed", Service::Gateway, "CORS_ORIGINS", "http://localhost:3001")
            .and_red(&[44]),
        set_variable("every origin is allowed", Service::Gateway, "CORS_ORIGINS", "*").and_red(&[44]),
        set_variable(
            "pages without an origin are allowed",
            Service::Gateway,
            "CORS_ORIGINS",
            "http://localhost:3000,null",
        ),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;

    case.step(1, "The gateway's CORS origins include http://localhost:3000");
    let simple = from(case, FRONTEND, PUBLIC).await?;
    case.require("Access-Control-Allow-Origin for it", simple.header("access-control-allow-origin"), is(FRONTEND))?;

    case.step(2, "A request with the frontend's origin is sent to the gateway");
    case.expect("status", simple.status(), is(200));
    case.expect("what is answered", simple.at("/status"), is("healthy"));

    case.step(3, "The OPTIONS preflight is answered 200");
    let mut preflights = Vec::new();
    for (method, path) in [
        ("POST", "/api/auth/login"),
        ("GET", PROTECTED),
        ("POST", PROTECTED),
        ("PUT", "/api/diagrams/1"),
        ("PATCH", "/api/diagrams/1"),
        ("DELETE", "/api/diagrams/1"),
    ] {
        let reply = preflight(case, FRONTEND, method, path).await?;
        case.expect(format!("status of the preflight for {method} {path}"), reply.status(), is(200));
        let methods = reply.header("access-control-allow-methods");
        case.expect(format!("methods granted by the preflight for {method} {path}"), methods, lists(method));
        for header in ASKED_HEADERS.split(',') {
            let granted = reply.header("access-control-allow-headers");
            case.expect(format!("headers granted by the preflight for {method} {path}"), granted, lists(header));
        }
        preflights.push((format!("the preflight for {method} {path}"), reply));
    }

    case.step(4, "The answer has `Access-Control-Allow-Origin` with that origin");
    let mut answers = answers_of_every_kind(case, &token).await?;
    answers.extend(preflights);
    for (what, reply) in &answers {
        let granted = reply.header("access-control-allow-origin");
        case.expect(format!("Access-Control-Allow-Origin of {what}"), granted, is(FRONTEND));
        // Else a cache would hand one origin's answer to another.
        case.expect(format!("Vary of {what}"), reply.header("vary"), lists("origin"));
    }

    case.step(5, "A request with an origin that is not allowed is sent");
    let mut foreign = Vec::new();
    for origin in FOREIGN {
        let simple = from(case, origin, PUBLIC).await?;
        case.expect(format!("status for {origin}"), simple.status(), present());
        foreign.push((format!("the answer to {origin}"), simple));
        let asked = preflight(case, origin, "POST", PROTECTED).await?;
        foreign.push((format!("the preflight from {origin}"), asked));
    }
    let signed_in = case.http(Service::Gateway).get(PROTECTED).header("origin", FOREIGN[0]).bearer(&token);
    foreign.push(("an answer to a user who is signed in".to_owned(), signed_in.send().await?));

    case.step(6, "Its answer has no `Access-Control-Allow-Origin`, so that a browser blocks it");
    for (what, reply) in &foreign {
        case.expect(format!("silence in place of {what}"), reply.silence(), absent());
        let granted = reply.header("access-control-allow-origin");
        case.expect(format!("Access-Control-Allow-Origin of {what}"), granted, absent());
    }
    let without = case.http(Service::Gateway).get(PUBLIC).send().await?;
    case.expect("status of a request that names no origin", without.status(), is(200));
    let granted = without.header("access-control-allow-origin");
    case.expect("Access-Control-Allow-Origin where no origin asks", granted, absent());

    case.step(7, "`Access-Control-Allow-Credentials` is `true` for the allowed origin");
    for (what, reply) in &answers {
        let credentials = reply.header("access-control-allow-credentials");
        case.expect(format!("Access-Control-Allow-Credentials of {what}"), credentials, is("true"));
    }

    case.step(8, "Cookies travel with a cross-origin request that asks for credentials");
    cookies_travel(case, &token).await
}

/// Answers to the frontend: sound ones and refusals of every stage of the gateway.
async fn answers_of_every_kind(case: &mut Case, token: &str) -> Result<Vec<(String, Reply)>, Stop> {
    let mut answers = Vec::new();
    // Which status such an answer has is what other features are about; that it may be read is this one's.
    let mut keep = |case: &mut Case, what: &str, reply: Reply| {
        case.expect(format!("status of {what}"), reply.status(), present());
        answers.push((what.to_owned(), reply));
    };
    let reply = from(case, FRONTEND, PUBLIC).await?;
    keep(case, "an answer", reply);
    let reply = get(case, PROTECTED, token).await?;
    keep(case, "an answer to a user who is signed in", reply);
    let reply = from(case, FRONTEND, PROTECTED).await?;
    keep(case, "a refusal without a token", reply);
    let reply = get(case, "/api/conformance-unknown", token).await?;
    keep(case, "an answer for a path that is not there", reply);
    let login = case.http(Service::Gateway).post("/api/auth/login").header("origin", FRONTEND);
    let reply = login.json(json!({})).send().await?;
    keep(case, "a refusal of malformed input", reply);
    if is_away(case, Service::Ai).await? {
        let reply = get(case, "/api/ai/health", token).await?;
        keep(case, "an answer for a service that is not there", reply);
    }
    let patient = case.can(Need::Clock) || case.can(Need::Patience(CUT_OFF));
    if case.can(Need::TestEndpoints) && patient {
        let reply = cut_off(case).await?;
        keep(case, "an answer after the deadline", reply);
    }
    let limited = limited(case).await?;
    keep(case, "an answer to a request that is one too many", limited);
    if case.can(Need::Power(Power::Signal)) && case.can(Need::TestEndpoints) {
        let reply = going_down(case).await?;
        keep(case, "a refusal while the gateway goes down", reply);
    }
    Ok(answers)
}

async fn cut_off(case: &mut Case) -> Result<Reply, Stop> {
    let slow = case.http(Service::Gateway).get("/api/auth/test/slow?delay=36").header("origin", FRONTEND);
    let slow = slow.deadline(Duration::from_secs(60)).start()?;
    case.until_waiting(Service::Gateway, "/test/slow", 1).await?;
    let under_way = case.moment();
    case.pass_until(under_way, CUT_OFF).await?;
    case.answer(slow).await
}

async fn limited(case: &mut Case) -> Result<Reply, Stop> {
    let other = case.actor().await?;
    let token = case.token_of(&other).await?;
    // To one and the same path, for some count each path by itself.
    case.http(Service::Gateway).get(PROTECTED).bearer(&token).times(100, 4).await?;
    get(case, PROTECTED, &token).await
}

/// The gateway is told to stop while a request is under way, asked something, and started again.
async fn going_down(case: &mut Case) -> Result<Reply, Stop> {
    let slow = case.http(Service::Gateway).get("/api/auth/test/slow?delay=20").start()?;
    case.until_waiting(Service::Gateway, "/test/slow", 1).await?;
    case.signal(Service::Gateway, Signal::Terminate).await?;
    let mut refused = from(case, FRONTEND, PUBLIC).await?;
    // The signal takes a moment to arrive.
    for _ in 0..50 {
        if refused.status().number() == Some(503.0) {
            break;
        }
        refused = from(case, FRONTEND, PUBLIC).await?;
    }
    drop(slow);
    case.stop_service(Service::Gateway).await?;
    case.start_service(Service::Gateway).await?;
    Ok(refused)
}

async fn cookies_travel(case: &mut Case, token: &str) -> Result<(), Stop> {
    if !case.has(Need::Echo(Service::Git)) {
        return Ok(());
    }
    case.observed_as("a stand-in for git-service sets a cookie and tells which cookies reached it");
    let cookie = format!("session={}; theme=dark", case.word());
    let request = case.http(Service::Gateway).get(ECHO).bearer(token);
    let reply = request.header("origin", FRONTEND).header("cookie", &cookie).send().await?;
    case.expect("status of a request with cookies", reply.status(), is(200));
    let sent = case.vault().seal("cookie", &cookie);
    case.expect("cookies that reached the back end", reply.at("/headers/cookie"), is(sent));
    let set = case.vault().seal("set-cookie", COOKIE);
    case.expect("cookie that the back end sets", reply.header("set-cookie"), is(set));
    let granted = reply.header("access-control-allow-origin");
    case.expect("origin that may read the answer with its cookie", granted, is(FRONTEND));
    let credentials = reply.header("access-control-allow-credentials");
    case.expect("leave to send cookies", credentials, is("true"));

    let request = case.http(Service::Gateway).get(ECHO).bearer(token);
    let plain = request.header("origin", FRONTEND).send().await?;
    case.expect("what answers a request without cookies", plain.at("/path"), contains("/cookies"));
    case.expect("cookies that reach the back end where none were sent", plain.at("/headers/cookie"), absent());
    Ok(())
}

async fn from(case: &mut Case, origin: &str, path: &str) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get(path).header("origin", origin).send().await
}

async fn get(case: &mut Case, path: &str, token: &str) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get(path).bearer(token).header("origin", FRONTEND).send().await
}

/// What a browser sends before the request itself: no token, no cookie.
async fn preflight(case: &mut Case, origin: &str, method: &str, path: &str) -> Result<Reply, Stop> {
    let request = case.http(Service::Gateway).method("OPTIONS", path).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    request.header("access-control-request-headers", ASKED_HEADERS).send().await
}

/// A header that is a list, and has this among its words.
fn lists(word: &str) -> crate::check::Matcher {
    let word = word.to_owned();
    such_that(format!("a list with {word}"), move |value| {
        let words = value.as_str().unwrap_or_default().split(',').map(str::trim);
        words.into_iter().any(|one| one.eq_ignore_ascii_case(&word))
    })
}
