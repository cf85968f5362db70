//! Feature 13: the environment named by ENV decides how services are set up.

use crate::actor::Actor;
use crate::check::{Case, Check, Stop, absent, contains, is, is_not, one_of, present};
use crate::probe::Reply;
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Power, Service, Setup};
use serde_json::Value;
use std::time::Duration;

/// The back ends whose health the gateway reports: key, service, port (contract, sections 1.1 and 1.3).
const BACK_ENDS: [(&str, Service, u16); 7] = [
    ("auth", Service::Auth, 8085),
    ("diagram", Service::Diagram, 8082),
    ("ai", Service::Ai, 8084),
    ("collaboration", Service::Collaboration, 8083),
    ("git", Service::Git, 8087),
    ("export", Service::Export, 8097),
    ("integration", Service::Integration, 8099),
];
/// Files that a service may find in its folder.
const FILES: [&str; 3] = [".env", ".env.local", ".env.docker"];
/// What each of them says of the origins that may call, and what the process environment says.
const FROM_FILE: &str = "http://from-env.example";
const FROM_LOCAL: &str = "http://from-env-local.example";
const FROM_DOCKER: &str = "http://from-env-docker.example";
const FROM_PROCESS: &str = "http://from-process.example";
/// A name is looked up within this.
const LOOKED_UP: Duration = Duration::from_secs(30);
/// A process that refuses to start has ended by then.
const SOON: Duration = Duration::from_secs(10);

pub const CHECK: Check = Check {
    feature: 13,
    revision: 1,
    setup: Setup::Own(Own::of(&[Service::Gateway, Service::Auth])),
    needs: &[
        Need::Address(Service::Gateway),
        Need::Address(Service::Auth),
        Need::Sql,
        Need::Control,
        Need::SigningKey,
        Need::Disposable,
        Need::Power(Power::Configure),
    ],
    control: "the file of another environment is not read, and an origin that no word allows gets no leave",
    sabotage: &[
        set_variable("the gateway believes that it is in a container", Service::Gateway, "ENV", "docker"),
        set_variable("the gateway is told its namespace wrongly", Service::Gateway, "NAMESPACE", "elsewhere"),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    let actor = case.actor().await?;

    case.step(1, "Services are started with `ENV=local`");
    restart(case, Service::Auth, &[("ENV", Some("local")), ("POSTGRES_HOST", None), ("REDIS_HOST", None)]).await?;
    let all_local = [("ENV", Some("local")), ("REDIS_HOST", None), ("AUTH_SERVICE_HOST", None)];
    restart(case, Service::Gateway, &all_local).await?;
    let services = case.http(Service::Gateway).get("/health/services").send().await?;
    case.expect("status", services.status(), is(200));
    case.expect("where auth-service is looked for", host(&services, "auth"), is("localhost"));
    case.expect("state of auth-service", services.at("/services/auth/status"), is("healthy"));

    case.step(2, "They reach their databases on localhost");
    let signed_in = case.sign_in(&actor).await?;
    case.expect("status of signing in, which needs PostgreSQL", signed_in.status(), is(200));
    operation_is_remembered(case).await?;

    case.step(3, "Services are started with `ENV=docker`");
    let services = started_in(case, "docker").await?;
    case.expect("status", services.status(), is(200));
    case.expect("state of a back end that cannot be reached here", services.at("/status"), is("degraded"));

    case.step(4, "They reach each other by their host names on the Docker network");
    names_are_those_of(case, &services, "").await;
    database_has_another_name(case, &actor, "docker").await?;

    case.step(5, "Services are set up with `ENV=kubernetes`");
    let services = started_in(case, "kubernetes").await?;
    case.expect("status", services.status(), is(200));
    case.expect("state of a back end that cannot be reached here", services.at("/status"), is("degraded"));

    case.step(6, "They reach each other by the names of the cluster's service discovery");
    names_are_those_of(case, &services, ".autograph.svc.cluster.local").await;
    database_has_another_name(case, &actor, "kubernetes").await?;

    case.step(7, "A variable of the process environment wins over the value in the file");
    the_strongest_word_wins(case, &actor).await?;

    case.step(8, "Secrets are taken from the environment");
    secrets_come_from_the_environment(case, &actor).await
}

async fn restart(case: &mut Case, service: Service, variables: &[(&str, Option<&str>)]) -> Result<(), Stop> {
    case.stop_service(service).await?;
    case.start_service_with(service, variables).await
}

/// The host of the address at which the gateway looks for a back end.
fn host(services: &Reply, key: &str) -> Value {
    let url = services.at(&format!("/services/{key}/url"));
    let place = url.text().and_then(|url| url.strip_prefix("http://")?.split(['/', ':']).next());
    place.map_or(Value::Null, Value::from)
}

/// The gateway keeps an answer in Redis, and finds it there again.
async fn operation_is_remembered(case: &mut Case) -> Result<(), Stop> {
    if !case.can(Need::TestEndpoints) {
        return Ok(());
    }
    let key = case.id();
    for hit in ["false", "true"] {
        let operation = case.http(Service::Gateway).post("/api/auth/test/create").header("idempotency-key", &key);
        let reply = operation.send().await?;
        let seen = reply.header("x-idempotency-hit");
        case.expect("answer of an operation comes out of Redis", seen, is(hit));
    }
    Ok(())
}

/// What the gateway says of its back ends when nothing but ENV tells where they are.
async fn started_in(case: &mut Case, environment: &str) -> Result<Reply, Stop> {
    let variables: Vec<String> =
        BACK_ENDS.iter().map(|(_, service, _)| format!("{}_HOST", service.env_prefix())).collect();
    let ports: Vec<String> = BACK_ENDS.iter().map(|(_, service, _)| format!("{}_PORT", service.env_prefix())).collect();
    let mut all: Vec<(&str, Option<&str>)> = vec![("ENV", Some(environment))];
    all.extend(variables.iter().chain(&ports).map(|name| (name.as_str(), None)));
    restart(case, Service::Gateway, &all).await?;
    case.http(Service::Gateway).get("/health/services").deadline(LOOKED_UP).send().await
}

async fn names_are_those_of(case: &mut Case, services: &Reply, domain: &str) {
    case.observed_as("the names mean nothing on this machine; what the gateway states and tries is looked at");
    for (key, service, port) in BACK_ENDS {
        let wanted = format!("http://{}{domain}:{port}", service.name());
        let url = services.at(&format!("/services/{key}/url"));
        case.expect(format!("address of {service}"), url, is(wanted));
        let state = services.at(&format!("/services/{key}/status"));
        case.expect(
            format!("state of {service}, whose name leads nowhere here"),
            state,
            one_of(["unreachable", "unhealthy"]),
        );
    }
}

/// Without a word about the host auth-service looks elsewhere; with one it finds its database.
async fn database_has_another_name(case: &mut Case, actor: &Actor, environment: &str) -> Result<(), Stop> {
    let token = case.token_of(actor).await?;
    // One attempt is enough to see where it looks.
    let lost = [("ENV", Some(environment)), ("POSTGRES_HOST", None), ("RETRY_ATTEMPTS", Some("1"))];
    restart(case, Service::Auth, &lost).await?;
    let reply = case.http(Service::Auth).get("/me").bearer(&token).deadline(LOOKED_UP).send().await?;
    let without = "status of a request that needs the database, whose name leads nowhere here";
    case.expect(without, reply.status(), one_of([500, 503, 504]));
    restart(case, Service::Auth, &[("ENV", Some(environment))]).await?;
    let reply = case.http(Service::Auth).get("/me").bearer(&token).send().await?;
    case.expect("status of the same request where POSTGRES_HOST is given", reply.status(), is(200));
    Ok(())
}

/// Process environment, then the file of the environment, then the common file; another environment's file never.
async fn the_strongest_word_wins(case: &mut Case, actor: &Actor) -> Result<(), Stop> {
    for (name, origin) in FILES.into_iter().zip([FROM_FILE, FROM_LOCAL, FROM_DOCKER]) {
        case.place_file(name, Some(&format!("# for the gateway\nCORS_ORIGINS={origin}\n"))).await?;
    }
    restart(case, Service::Gateway, &[("ENV", Some("local")), ("CORS_ORIGINS", Some(FROM_PROCESS))]).await?;
    only_origin(case, "with a word in the process environment and in files", FROM_PROCESS).await?;
    restart(case, Service::Gateway, &[("ENV", Some("local")), ("CORS_ORIGINS", None)]).await?;
    only_origin(case, "with a word in .env.local and .env", FROM_LOCAL).await?;
    case.place_file(".env.local", None).await?;
    restart(case, Service::Gateway, &[("CORS_ORIGINS", None)]).await?;
    only_origin(case, "with a word in .env, and ENV not set", FROM_FILE).await?;
    restart(case, Service::Gateway, &[("ENV", Some("docker")), ("CORS_ORIGINS", None)]).await?;
    only_origin(case, "with ENV=docker", FROM_DOCKER).await?;

    // What the file says of the database is overruled as well.
    case.place_file(".env", Some("POSTGRES_DB=conform_nowhere\nPOSTGRES_PORT=1\n")).await?;
    restart(case, Service::Auth, &[]).await?;
    let token = case.token_of(actor).await?;
    let reply = case.http(Service::Auth).get("/me").bearer(&token).send().await?;
    case.expect("status of a request where the file names another database", reply.status(), is(200));
    Ok(())
}

async fn only_origin(case: &mut Case, when: &str, allowed: &str) -> Result<(), Stop> {
    for origin in [FROM_PROCESS, FROM_LOCAL, FROM_FILE, FROM_DOCKER] {
        let reply = case.http(Service::Gateway).get("/health").header("origin", origin).send().await?;
        let granted = reply.header("access-control-allow-origin");
        let wanted = if origin == allowed { is(origin) } else { absent() };
        case.expect(format!("leave for {origin} {when}"), granted, wanted);
    }
    Ok(())
}

async fn secrets_come_from_the_environment(case: &mut Case, actor: &Actor) -> Result<(), Stop> {
    let secret = case.password();
    case.place_file(".env.docker", None).await?;
    case.place_file(".env", Some(&format!("JWT_SECRET='{secret}'\n"))).await?;
    let token = case.token_of(actor).await?;
    // The token is signed with the key that the process environment has.
    for (given, wanted, what) in [
        (&[][..], is_not(401), "with the key of the token in the process environment"),
        (&[("JWT_SECRET", None)][..], is(401), "with another key, in .env"),
    ] {
        restart(case, Service::Gateway, given).await?;
        let reply = case.http(Service::Gateway).get("/api/diagrams/").bearer(&token).send().await?;
        case.expect(format!("status of a request {what}"), reply.status(), wanted);
    }
    case.place_file(".env", None).await?;
    starts_not_without_secrets(case).await
}

/// Where strangers can come, there is no key that everybody knows.
async fn starts_not_without_secrets(case: &mut Case) -> Result<(), Stop> {
    let log = Service::Gateway;
    let mark = if case.can(Need::Log(log)) { Some(case.mark(log).await?) } else { None };
    case.stop_service(Service::Gateway).await?;
    let bare = [("ENV", Some("kubernetes")), ("JWT_SECRET", None), ("POSTGRES_PASSWORD", None)];
    case.launch_service_with(Service::Gateway, &bare).await?;
    if case.can(Need::Power(Power::Signal)) {
        let ended = case.ended(Service::Gateway, SOON).await?;
        case.expect("exit code of a service without its secrets", ended.at("/code"), is_not(0));
    }
    let Some(mark) = mark else { return Ok(()) };
    let lines = case.lines(mark, &["JWT_SECRET"], |_| true).await?;
    let line = lines.first().map(|line| line.value().to_string());
    case.expect("line about the secrets that are missing", line.clone(), present());
    case.expect("line that names the one", line.clone(), contains("JWT_SECRET"));
    case.expect("line that names the other as well", line, contains("POSTGRES_PASSWORD"));
    Ok(())
}
