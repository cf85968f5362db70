//! Feature 8: the gateway lets only callers with a valid JWT through to protected routes.

use crate::actor::{Actor, Signature};
use crate::check::{Case, Check, Stop, absent, is, one_of, present, such_that, within};
use crate::probe::Reply;
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Service, Setup};
use serde_json::{Value, json};
use std::time::Duration;

/// A protected route that every signed-in user may read.
const PROTECTED: &str = "/api/diagrams/";
/// What else the gateway protects, with other methods and for other services.
const ALSO_PROTECTED: [(&str, &str); 8] = [
    ("POST", "/api/diagrams/"),
    ("GET", "/api/diagrams/health"),
    ("DELETE", "/api/diagrams/1"),
    ("GET", "/api/ai/health"),
    ("GET", "/api/collaboration/health"),
    ("GET", "/api/git/health"),
    ("GET", "/api/export/health"),
    ("GET", "/api/integrations/health"),
];
/// Life of an access token (contract, section 2.4).
const LIFE: Duration = Duration::from_secs(3600);

pub const CHECK: Check = Check {
    feature: 8,
    revision: 1,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth, Service::Diagram])),
    needs: &[Need::Address(Service::Gateway)],
    control: "a token that is still valid for half a minute is admitted",
    sabotage: &[set_variable(
        "the gateway still admits tokens a day after they expired",
        Service::Gateway,
        "JWT_LEEWAY_SECONDS",
        "86400",
    )],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "GET /api/diagrams is sent without a token");
    let bare = case.http(Service::Gateway).get("/api/diagrams").send().await?;
    let slash = case.http(Service::Gateway).get(PROTECTED).send().await?;
    answered(case, "the request without a token", &bare);
    answered(case, "the request without a token, with a slash at its end", &slash);

    case.step(2, "The answer is 401");
    refused(case, "without a token", &bare);
    refused(case, "without a token, with a slash at its end", &slash);
    for (method, path) in ALSO_PROTECTED {
        let reply = case.http(Service::Gateway).method(method, path).send().await?;
        refused(case, &format!("of {method} {path} without a token"), &reply);
    }

    case.step(3, "Signing in gives a valid access token");
    let actor = case.actor().await?;
    let signed_in = case.sign_in(&actor).await?;
    token_is_valid(case, &actor, &signed_in).await?;
    let token = signed_in.token("access_token");

    case.step(4, "The same route is asked with `Authorization: Bearer` and that token");
    let admitted = with_token(case, &token).await?;
    answered(case, "the request with the token", &admitted);

    case.step(5, "The answer is 200");
    case.require("status with a valid token", admitted.status(), is(200))?;
    case.expect("list of diagrams", admitted.at("/diagrams"), such_that("an array", Value::is_array));
    caller_is_the_tokens_user(case, &actor, &token).await?;

    expired_tokens(case, &actor, &token).await?;
    invalid_tokens(case, &actor, &signed_in.token("refresh_token")).await
}

async fn with_token(case: &mut Case, token: &str) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get(PROTECTED).bearer(token).send().await
}

fn answered(case: &mut Case, what: &str, reply: &Reply) {
    case.expect(format!("silence after {what}"), reply.silence(), absent());
}

fn refused(case: &mut Case, what: &str, reply: &Reply) {
    case.expect(format!("status {what}"), reply.status(), is(401));
    case.expect(format!("diagrams handed out {what}"), reply.at("/diagrams"), absent());
}

async fn token_is_valid(case: &mut Case, actor: &Actor, signed_in: &Reply) -> Result<(), Stop> {
    case.require("status of signing in", signed_in.status(), is(200))?;
    case.expect("token_type", signed_in.at("/token_type"), one_of(["bearer", "Bearer"]));
    let claims = signed_in.claims("access_token");
    case.expect("claim sub of the access token", claims.at("/sub"), is(actor.id.as_str()));
    case.expect("claim type of the access token", claims.at("/type"), is("access"));
    case.expect("claim type of the refresh token", signed_in.claims("refresh_token").at("/type"), is("refresh"));
    let algorithm = signed_in.token_header("access_token").at("/alg");
    case.expect("algorithm of the access token", algorithm, is("HS256"));
    let now = case.now().await?;
    let life = claims.at("/exp").number().map(|exp| exp - now);
    case.expect("life of the access token, in s", life, within(10.0, LIFE.as_secs_f64()));
    Ok(())
}

/// A client that says who it is in a header of its own must not be believed.
async fn caller_is_the_tokens_user(case: &mut Case, actor: &Actor, token: &str) -> Result<(), Stop> {
    let (stranger, title) = (case.actor().await?.id, case.word());
    let created = case
        .http(Service::Gateway)
        .post(PROTECTED)
        .bearer(token)
        .header("x-user-id", &stranger)
        .json(json!({"title": title, "file_type": "canvas"}))
        .send()
        .await?;
    case.expect("status of creating a diagram", created.status(), one_of([200, 201]));
    case.expect("owner of a diagram created with a foreign X-User-ID", created.at("/owner_id"), is(actor.id.as_str()));
    Ok(())
}

/// Steps 6 and 7: a token made in the past, and one that was valid until its hour was over.
async fn expired_tokens(case: &mut Case, actor: &Actor, token: &str) -> Result<(), Stop> {
    let mut replies = Vec::new();
    case.step(6, "The route is asked with an expired token");
    let access = json!({"sub": actor.id, "type": "access"});
    if case.can(Need::SigningKey) {
        let still_valid = case.forge(&access, Some(30), Signature::Right).await?;
        let control = with_token(case, &still_valid).await?;
        case.expect("status with a token valid for another 30 s", control.status(), is(200));
        let expired = case.forge(&access, Some(-2), Signature::Right).await?;
        replies.push(("with a token that expired 2 s ago", with_token(case, &expired).await?));
    }
    if case.can(Need::Clock) || case.can(Need::Patience(LIFE)) {
        case.pass(LIFE - Duration::from_secs(30)).await?;
        let control = with_token(case, token).await?;
        case.expect("status half a minute before the token's hour is over", control.status(), is(200));
        case.pass(Duration::from_secs(35)).await?;
        replies.push(("with a token whose hour is over", with_token(case, token).await?));
    }
    for (what, reply) in &replies {
        answered(case, &format!("the request {what}"), reply);
    }
    if replies.is_empty() || case.can(Need::SigningKey) {
        case.has(Need::SigningKey);
    }

    case.step(7, "The answer to the expired token is 401");
    for (what, reply) in &replies {
        refused(case, what, reply);
    }
    if replies.is_empty() || case.can(Need::SigningKey) {
        case.has(Need::SigningKey);
    }
    Ok(())
}

/// Steps 8 and 9: everything that looks like a token and is none.
async fn invalid_tokens(case: &mut Case, actor: &Actor, refresh: &str) -> Result<(), Stop> {
    case.step(8, "The route is asked with tokens that are not valid");
    // Worthless, but kept like secrets: whatever stands in this header is.
    let no_token = case.vault().seal("worthless token", "no.token.at-all");
    let other_scheme = case.vault().seal("worthless credentials", "bm9ib2R5Om5vdGhpbmc=");
    let mut replies = vec![
        ("with a text that is no token", with_token(case, &no_token).await?),
        ("with a refresh token", with_token(case, refresh).await?),
        (
            "with another scheme than Bearer",
            case.http(Service::Gateway)
                .get(PROTECTED)
                .header("authorization", &format!("Basic {other_scheme}"))
                .send()
                .await?,
        ),
    ];
    if case.can(Need::SigningKey) {
        let access = json!({"sub": actor.id, "type": "access"});
        let nobody = json!({"type": "access"});
        let empty = json!({"sub": "", "type": "access"});
        let untyped = json!({"sub": actor.id});
        let other_type = json!({"sub": actor.id, "type": "identity"});
        for (what, claims, life, signature) in [
            ("with a token signed by another key", &access, Some(600), Signature::WrongKey),
            ("with a token of another algorithm", &access, Some(600), Signature::WrongAlgorithm),
            ("with a token that is not signed", &access, Some(600), Signature::None),
            ("with a token that never expires", &access, None, Signature::Right),
            ("with a token of nobody", &nobody, Some(600), Signature::Right),
            ("with a token of an empty user", &empty, Some(600), Signature::Right),
            ("with a token without a type", &untyped, Some(600), Signature::Right),
            ("with a token of another type", &other_type, Some(600), Signature::Right),
        ] {
            let token = case.forge(claims, life, signature).await?;
            replies.push((what, with_token(case, &token).await?));
        }
        // A valid token does not help where it is not said to be a bearer's.
        let valid = case.forge(&access, Some(600), Signature::Right).await?;
        for (what, header) in [
            ("with a valid token under another scheme", format!("Basic {valid}")),
            ("with a valid token without a scheme", valid.clone()),
        ] {
            let request = case.http(Service::Gateway).get(PROTECTED).header("authorization", &header);
            replies.push((what, request.send().await?));
        }
    }
    for (what, reply) in &replies {
        answered(case, &format!("the request {what}"), reply);
    }

    case.step(9, "Each token that is not valid is answered 401");
    for (what, reply) in &replies {
        refused(case, what, reply);
        case.expect(format!("reason given {what}"), reply.at("/detail"), present());
    }
    Ok(())
}
