//! Feature 1: one compose file brings up all thirteen containers.

use super::composed_system::{STORES, container, thirteen};
use crate::check::{Case, Check, Stop, contains, is, one_of};
use crate::probe::{Signer, Store};
use crate::sabotage::edit_file;
use crate::target::{Composed, Need, Service, Setup};

pub const CHECK: Check = Check {
    feature: 1,
    revision: 1,
    setup: Setup::Composed(Composed::Whole),
    needs: &[Need::Containers],
    control: "a path that the frontend does not have is answered 404, and a request for the gateway reaches auth-service",
    sabotage: &[
        edit_file(
            "the frontend's port leads nowhere",
            "compose.yaml",
            "${FRONTEND_PORT:-3000}:3000",
            "${FRONTEND_PORT:-3000}:3001",
        ),
        edit_file(
            "svg-renderer's health is asked of another service",
            "compose.yaml",
            r#""health", "svg-renderer""#,
            r#""health", "git""#,
        ),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "`docker-compose up -d` is run and every service is started");
    let up = case.composed().await?;
    case.expect("exit code of `up -d`", up.at("/exit"), is(0));
    let all = case.containers().await?;
    for service in thirteen() {
        case.expect(format!("containers of {service}"), all.key(service).items().len(), is(1));
    }

    case.step(2, "`docker-compose ps` lists all 13 containers as running");
    case.observed_as("the engine's own list of the project's containers, of which `docker-compose ps` prints a part");
    for service in thirteen() {
        let container = container(&all, service);
        case.expect(format!("state of {service}"), container.at("/state"), is("running"));
        case.expect(format!("times that {service} was started anew"), container.at("/restarts"), is(0));
    }

    for service in [Service::Gateway, Service::Frontend] {
        let state = container(&all, service.name()).at("/state");
        case.require(format!("state of {service}, of which the rest asks"), state, is("running"))?;
    }

    case.step(3, "The frontend answers GET / (http://localhost:3000 by default)");
    let page = case.http(Service::Frontend).get("/").send().await?;
    case.expect("status of the start page", page.status(), is(200));
    case.expect("type of the start page", page.header("content-type"), contains("text/html"));
    let word = case.word();
    let nothing = case.http(Service::Frontend).get(&format!("/{word}")).send().await?;
    case.expect("status of a page that is not there", nothing.status(), is(404));

    case.step(4, "The gateway answers 200 on GET /health (http://localhost:8080 by default)");
    let gateway = case.health(Service::Gateway).await?;
    case.expect("status of the gateway's health", gateway.status(), is(200));
    case.expect("service that answers", gateway.at("/service"), is(Service::Gateway.name()));
    let behind = case.http(Service::Gateway).get("/api/auth/health").send().await?;
    case.expect("service that answers behind the gateway", behind.at("/service"), is(Service::Auth.name()));

    case.step(5, "Each of the services reports `healthy`");
    for service in thirteen() {
        let health = container(&all, service).at("/health");
        case.expect(format!("what the health check of {service} found"), health, is("healthy"));
    }
    for service in Service::ALL {
        let reply = case.health(service).await?;
        case.expect(format!("status of {service}'s health"), reply.status(), is(200));
        case.expect(format!("what {service} says of itself"), reply.at("/status"), one_of(["healthy", "ok"]));
    }
    stores(case).await
}

/// The stores are well when they do what they are for.
async fn stores(case: &mut Case) -> Result<(), Stop> {
    let [postgres, redis, minio] = STORES;
    let row = case.rows("select 6 * 7 as answer").await?;
    case.expect(format!("what {postgres} answers to a query"), row.at("/0/answer"), is(42));
    let pong = case.redis(0, &["PING"]).await?;
    case.expect(format!("what {redis} answers to PING"), pong, is("PONG"));
    let listed = case.store(Store::Main).buckets().send().await?;
    case.expect(format!("status of {minio}'s list of buckets"), listed.status(), is(200));
    let refused = case.store(Store::Main).buckets().by(Signer::Impostor).send().await?;
    case.expect(format!("status of {minio}'s list for a wrong key"), refused.status(), is(403));
    Ok(())
}
