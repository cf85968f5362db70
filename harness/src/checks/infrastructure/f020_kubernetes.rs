//! Feature 20: Kubernetes manifests for production.

use super::manifest_references::{QUESTIONS, probe_faults};
use super::manifest_trial;
use super::manifests::{Container, Manifests, Object};
use super::quantity;
use crate::check::{Case, Check, Matcher, Seen, Stop, absent, at_least, is, present, such_that};
use crate::sabotage::edit_file;
use crate::target::{Need, Service, Setup};

/// The stores that run beside the ten services.
const STORES: [&str; 3] = ["postgres", "redis", "minio"];

pub const CHECK: Check = Check {
    feature: 20,
    revision: 3,
    setup: Setup::Shared,
    needs: &[Need::Manifests],
    control: "every reference is followed to its end, and every probe's path is asked of the running service",
    sabotage: &[
        edit_file(
            "svg-renderer is probed at a path that it does not serve",
            "deploy/k8s/export-integration-svg-deployments.yaml",
            "path: /health",
            "path: /healthz",
        ),
        edit_file(
            "the gateway's container has no limit for memory",
            "deploy/k8s/api-gateway-deployment.yaml",
            "              memory: 512Mi\n",
            "",
        ),
        edit_file(
            "the Service of git-service selects no pods",
            "deploy/k8s/microservices-services.yaml",
            "    component: git-service\n  ports",
            "    component: git\n  ports",
        ),
        edit_file(
            "a rolling update of auth-service takes a pod away first",
            "deploy/k8s/auth-service-deployment.yaml",
            "maxUnavailable: 0",
            "maxUnavailable: 2",
        ),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    case.step(1, "The manifests in `k8s/` define a Deployment for each service");
    let all = Manifests::read(case).await?;
    defined(case, &all);

    case.step(2, "Each container states limits for CPU and memory");
    limited(case, &all);

    case.step(3, "Each container has a liveness probe and a readiness probe");
    probed(case, &all).await?;

    in_a_cluster(case, &all).await
}

fn defined(case: &mut Case, all: &Manifests) {
    for service in Service::ALL {
        let name = all.workload_of(service.name()).map(|workload| workload.at("/metadata/name"));
        case.expect(format!("Deployment of {service}"), or_silence(case, name), present());
    }
    for store in STORES {
        let name = all.workload_of(store).map(|workload| workload.at("/metadata/name"));
        case.expect(format!("workload of {store}"), or_silence(case, name), present());
    }
    for question in QUESTIONS {
        case.expect(question.faults, (question.find)(all), absent());
    }
}

fn limited(case: &mut Case, all: &Manifests) {
    let containers = all.containers();
    case.expect("containers", containers.len(), at_least(13.0));
    for (resource, unit) in [("cpu", "CPU"), ("memory", "memory")] {
        let limit =
            |container: &Container<'_>| quantity::number(container.seen.at("/resources/limits").key(resource).value());
        let without = containers.iter().filter(|one| limit(one).is_none_or(|limit| limit <= 0.0));
        let without: Vec<String> = without.map(Container::name).collect();
        case.expect(format!("containers without a limit for {unit}"), without, absent());
        let above = |container: &&Container<'_>| {
            let request = container.seen.at("/resources/requests").key(resource);
            // Without a request, Kubernetes requests as much as the limit.
            request.is_there()
                && quantity::number(request.value()).is_none_or(|one| limit(container).is_some_and(|limit| one > limit))
        };
        let above: Vec<String> = containers.iter().filter(above).map(Container::name).collect();
        case.expect(format!("containers that request more {unit} than their limit, or no quantity"), above, absent());
    }
}

async fn probed(case: &mut Case, all: &Manifests) -> Result<(), Stop> {
    case.expect("containers that may have probes", all.containers().len(), at_least(13.0));
    for (probe, pointer) in [("liveness", "/livenessProbe"), ("readiness", "/readinessProbe")] {
        let faults: Vec<String> = all.containers().iter().flat_map(|one| probe_faults(one, pointer)).collect();
        case.expect(format!("containers whose {probe} probe is missing or leads nowhere"), faults, absent());
    }
    for service in Service::ALL {
        let Some(workload) = all.workload_of(service.name()).filter(|_| case.can(Need::Address(service))) else {
            continue;
        };
        for container in workload.pod().at("/containers").items() {
            for probe in ["/livenessProbe", "/readinessProbe"] {
                if let Some(path) = container.at(probe).at("/httpGet/path").text().map(str::to_owned) {
                    let reply = case.http(service).get(&path).send().await?;
                    case.expect(
                        format!("status of {service} at the path of its {}", &probe[1..]),
                        reply.status(),
                        is(200),
                    );
                }
            }
        }
        scraped(case, service, &workload.at("/spec/template/metadata/annotations")).await?;
    }
    Ok(())
}

/// Where pods say that they have metrics, the service has them.
async fn scraped(case: &mut Case, service: Service, annotations: &Seen) -> Result<(), Stop> {
    if annotations.key("prometheus.io/scrape").text() == Some("true") {
        let path = annotations.key("prometheus.io/path");
        case.expect(format!("path where the pods of {service} say that metrics are"), &path, is("/metrics"));
        let path = path.text().unwrap_or("/metrics").to_owned();
        let reply = case.http(service).get(&path).send().await?;
        case.expect(format!("status of {service} where its pods say that metrics are"), reply.status(), is(200));
        let port = annotations.key("prometheus.io/port");
        case.expect(
            format!("port where the pods of {service} say that metrics are"),
            port,
            is_text_of(service.default_port()),
        );
    }
    Ok(())
}

/// Steps 4 to 10: what the manifests promise is held against them here, and seen only in a cluster.
async fn in_a_cluster(case: &mut Case, all: &Manifests) -> Result<(), Stop> {
    case.step(4, "`kubectl apply -f k8s/` applies the manifests to a test cluster");
    case.expect("objects that are applied before their namespace is there", before_their_namespace(all), absent());
    let there = case.can(Need::Cluster);
    if there {
        case.enter_cluster().await?;
    }
    let ended = tried(case, all, there).await;
    if there {
        case.leave_cluster().await;
    }
    ended
}

async fn tried(case: &mut Case, all: &Manifests, there: bool) -> Result<(), Stop> {
    if there {
        manifest_trial::apply(case, all).await?;
    } else {
        case.lacks(Need::Cluster);
    }
    case.step(5, "All pods start and become ready");
    if there {
        manifest_trial::become_ready(case, all).await?;
    } else {
        case.lacks(Need::Cluster);
    }
    case.step(6, "Each Service is reached at its ClusterIP");
    if there {
        manifest_trial::are_reached(case, all).await?;
    } else {
        case.lacks(Need::Cluster);
    }
    case.step(7, "A new version is deployed by a rolling update");
    case.expect("Deployments of services that do not roll, or take pods away first", hasty(all), absent());
    let rolled = if there { Some(manifest_trial::roll(case, all).await?) } else { None };
    if rolled.is_none() {
        case.lacks(Need::Cluster);
    }
    case.step(8, "No request fails while the update rolls through");
    match &rolled {
        Some(rolled) => manifest_trial::answered_throughout(case, rolled),
        None => case.lacks(Need::Cluster),
    }
    case.step(9, "A pod that fails is restarted on its own");
    if there {
        manifest_trial::come_back(case, all).await?;
    } else {
        case.lacks(Need::Cluster);
    }
    case.step(10, "The horizontal autoscaler changes the number of pods with the load");
    let scalers = all.of_kind("HorizontalPodAutoscaler").count();
    case.expect("horizontal autoscalers", scalers, at_least(1.0));
    if there {
        manifest_trial::scale(case, all).await?;
    } else {
        case.lacks(Need::Cluster);
    }
    Ok(())
}

/// `kubectl apply -f` takes files in the order of their names, and refuses an object whose namespace is still to come.
fn before_their_namespace(all: &Manifests) -> Vec<String> {
    let comes_later = |object: &&Object| {
        let namespace = all.of_kind("Namespace").find(|namespace| namespace.name == object.namespace);
        object.kind != "Namespace" && namespace.is_some_and(|namespace| namespace.place > object.place)
    };
    all.all().filter(comes_later).map(ToString::to_string).collect()
}

fn hasty(all: &Manifests) -> Vec<String> {
    let deployments = all.workloads().filter(|one| one.kind == "Deployment" && is_service(&one.name));
    deployments.filter(|one| !rolls(&one.at("/spec/strategy"))).map(ToString::to_string).collect()
}

fn is_service(name: &str) -> bool {
    Service::ALL.iter().any(|service| service.name() == name)
}

fn rolls(strategy: &Seen) -> bool {
    let none = |at_once: &Seen| matches!(at_once.value().to_string().as_str(), "0" | "\"0\"" | "\"0%\"");
    strategy.at("/type").text().is_none_or(|kind| kind == "RollingUpdate")
        && none(&strategy.at("/rollingUpdate/maxUnavailable"))
}

fn or_silence(case: &Case, seen: Option<Seen>) -> Seen {
    seen.unwrap_or_else(|| case.silence())
}

/// A number that stands as a text, as in an annotation.
fn is_text_of(number: u16) -> Matcher {
    such_that(format!("{:?}", number.to_string()), move |value| value.as_str() == Some(number.to_string().as_str()))
}
