//! Feature 30: containers find each other by name, and only those that they need.

use super::composed_system::{STORES, addresses, connect, container, leads_to, resolve, thirteen};
use crate::check::{Case, Check, Seen, Stop, contains, is};
use crate::sabotage::edit_file;
use crate::target::{Composed, Need, Service, Setup};

/// Services that need no store.
const WITHOUT_STORES: [&str; 2] = [Service::Frontend.name(), Service::SvgRenderer.name()];

pub const CHECK: Check = Check {
    feature: 30,
    revision: 1,
    setup: Setup::Composed(Composed::Whole),
    needs: &[Need::Containers],
    control: "the very command that reaches no store from the frontend reaches them from services that need them",
    sabotage: &[
        edit_file(
            "the frontend is on the network of PostgreSQL",
            "compose.yaml",
            "networks: [edge]\n",
            "networks: [edge, postgres]\n",
        ),
        edit_file(
            "svg-renderer is on the network of the object store, where the gateway is not",
            "compose.yaml",
            "networks: [autograph-network]\n",
            "networks: [minio]\n",
        ),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "All services are started with docker-compose");
    let up = case.composed().await?;
    case.expect("exit code of `up -d`", up.at("/exit"), is(0));
    let all = case.containers().await?;
    for service in thirteen() {
        case.require(format!("state of {service}"), container(&all, service).at("/state"), is("running"))?;
    }

    case.step(2, "`api-gateway` is pinged from inside the frontend container");
    case.observed_as("a connection to the gateway's port, since images of services need not have `ping`");
    let pinged = connect(case, "frontend", &["api-gateway:8080"]).await?;
    case.expect("what the frontend reaches", pinged.at("/output"), is("reached api-gateway:8080\n"));

    case.step(3, "The name resolves to the gateway's address");
    let found = resolve(case, "frontend", &["api-gateway"]).await?;
    let wanted = leads_to("api-gateway", addresses(&container(&all, "api-gateway")));
    case.expect("address that the frontend finds", found.at("/output"), wanted);

    case.step(4, "From the gateway's container a connection to `auth-service:8085` is opened");
    let opened = connect(case, "api-gateway", &["auth-service:8085", "auth-service:9"]).await?;
    case.expect("what the gateway reaches", opened.at("/output"), contains("reached auth-service:8085\n"));
    case.expect("what it does not reach", opened.at("/output"), contains("not reached auth-service:9\n"));

    case.step(5, "A request from one service to the other is answered");
    let reply = case.http(Service::Gateway).get("/api/auth/health").send().await?;
    case.expect("status of auth-service's health through the gateway", reply.status(), is(200));
    case.expect("service that answers", reply.at("/service"), is(Service::Auth.name()));
    let seen = case.http(Service::Gateway).get("/health/services").send().await?;
    case.expect("name by which the gateway asks it", seen.at("/services/auth/url"), contains("auth-service"));

    case.step(6, "The name of every service resolves");
    every_name(case, &all).await?;

    case.step(7, "A service cannot reach what it has no need of: networks are kept apart");
    kept_apart(case, &all).await
}

/// Each name is looked up where it is needed.
async fn every_name(case: &mut Case, all: &Seen) -> Result<(), Stop> {
    let of_gateway: Vec<&str> =
        thirteen().filter(|name| !["api-gateway", "postgres", "minio"].contains(name)).collect();
    for (inside, names) in
        [("frontend", vec!["api-gateway"]), ("api-gateway", of_gateway), ("diagram-service", vec!["postgres", "minio"])]
    {
        let found = resolve(case, inside, &names).await?;
        for name in names {
            let wanted = leads_to(name, addresses(&container(all, name)));
            case.expect(format!("address of {name} that {inside} finds"), found.at("/output"), wanted);
        }
    }
    Ok(())
}

/// Neither by name nor by address; a service that needs them shows that they could be reached.
async fn kept_apart(case: &mut Case, all: &Seen) -> Result<(), Stop> {
    let stores = STORES.into_iter().zip([5432, 6379, 9000]);
    let mut places = Vec::new();
    for (store, port) in stores {
        places.push(format!("{store}:{port}"));
        places.extend(addresses(&container(all, store)).iter().map(|address| format!("{address}:{port}")));
    }
    let asked: Vec<&str> = places.iter().map(String::as_str).collect();
    let control = connect(case, "diagram-service", &asked).await?;
    for place in &places {
        let reached = format!("reached {place}\n");
        let sure = crate::check::such_that(format!("a line {reached:?}"), move |output| {
            output.as_str().is_some_and(|text| text.lines().any(|line| line == reached.trim_end()))
        });
        case.expect(format!("what diagram-service reaches of {place}"), control.at("/output"), sure);
    }
    for inside in WITHOUT_STORES {
        let tried = connect(case, inside, &asked).await?;
        for place in &places {
            let wanted = contains(format!("not reached {place}\n"));
            case.expect(format!("what {inside} reaches of {place}"), tried.at("/output"), wanted);
        }
    }
    Ok(())
}
