//! The manifests in a cluster: applied, rolled, failed and scaled; whatever happens, they are removed again.

use super::manifests::{Manifests, Object};
use crate::check::{Case, Seen, Stop, above, absent, at_least, is, present, such_that};
use crate::target::{Need, Service};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Requests that must have been answered while an update rolled through, for it to say anything.
const REQUESTS: f64 = 10.0;

/// Step 4: `kubectl apply` takes every object.
///
/// # Errors
/// As the cluster probe; so have all that follow.
pub async fn apply(case: &mut Case, all: &Manifests) -> Result<(), Stop> {
    let applied = case.kubectl(&["apply", "-f", "k8s/"]).await?;
    case.expect("exit code of kubectl apply", applied.at("/exit"), is(0));
    let lines = applied.at("/output").text().unwrap_or_default().lines().count();
    case.expect("objects that it names", lines, is(all.all().count()));
    Ok(())
}

/// Step 5: every pod is ready, and each workload has as many as it wants.
pub async fn become_ready(case: &mut Case, all: &Manifests) -> Result<(), Stop> {
    let namespaces: BTreeSet<String> = all.workloads().map(|one| one.namespace.clone()).collect();
    for namespace in &namespaces {
        let pods = case.objects_until(namespace, "pods", |pods| !pods.is_empty() && pods.iter().all(is_ready)).await?;
        let waiting: Vec<String> = pods.items().iter().filter(|pod| !is_ready(pod.value())).map(name).collect();
        case.expect(format!("pods in {namespace}"), pods.items().len(), at_least(1.0));
        case.expect(format!("pods in {namespace} that are not ready"), waiting, absent());
    }
    for workload in all.workloads().filter(|workload| workload.kind != "DaemonSet") {
        let seen = case.objects_until(&workload.namespace, &workload.kind.to_lowercase(), |_| true).await?;
        let own = seen.items().into_iter().find(|one| name(one) == workload.name);
        let ready = own.map_or_else(|| case.silence(), |one| one.at("/status/readyReplicas"));
        let wanted = workload.at("/spec/replicas").number().unwrap_or(1.0);
        case.expect(format!("pods of {workload} that are ready"), ready, at_least(wanted));
    }
    Ok(())
}

/// Step 6: each Service has a ClusterIP and leads to its pods.
pub async fn are_reached(case: &mut Case, all: &Manifests) -> Result<(), Stop> {
    case.observed_as("the cluster's API hands a request on to each Service, which has a ClusterIP of its own");
    for service in Service::ALL {
        let Some(object) = leading_to(all, service) else {
            case.expect(format!("Service of {service}"), case.silence(), present());
            continue;
        };
        let answer = case.kubectl(&["get", "--raw", &through_the_api(object, service)]).await?;
        case.expect(format!("exit code of asking {service}"), answer.at("/exit"), is(0));
        case.expect(format!("answer of {service}"), answer.at("/output"), present());
        let seen = case.objects_until(&object.namespace, "services", |_| true).await?;
        let own = seen.items().into_iter().find(|one| name(one) == object.name);
        let address = own.map_or_else(|| case.silence(), |one| one.at("/spec/clusterIP"));
        case.expect(format!("ClusterIP of {service}"), address, such_that("an address", is_address));
    }
    Ok(())
}

fn is_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}

/// Step 7, on the gateway, through which every request comes. What was answered meanwhile is step 8's.
pub async fn roll(case: &mut Case, all: &Manifests) -> Result<Seen, Stop> {
    case.observed_as("another setting in the pods of the gateway makes a new revision of its Deployment");
    let Some(gateway) = all.workload_of(Service::Gateway.name()) else {
        return Err(Stop::Failed);
    };
    let before = pods_of(case, gateway, &[]).await?;
    let deployment = format!("deployment/{}", gateway.name);
    let setting = format!("CONFORMANCE_REVISION={}", case.word());
    let namespace = ["--namespace", &gateway.namespace];
    let changed = case.kubectl(&["set", "env", &deployment, &setting, namespace[0], namespace[1]]).await?;
    case.require("exit code of changing the Deployment", changed.at("/exit"), is(0))?;
    let wait = ["rollout", "status", &deployment, "--timeout=240s", namespace[0], namespace[1]];
    let path = gateway_path(all);
    let rolled = case.kubectl_under_requests(&wait, &path).await?;
    case.expect("exit code of the rolling update", rolled.at("/exit"), is(0));
    let after = pods_of(case, gateway, &names(&before)).await?;
    let stayed: Vec<String> = names(&after).into_iter().filter(|name| names(&before).contains(name)).collect();
    case.expect("pods of the old revision that stayed", stayed, absent());
    case.expect("pods of the new revision", after.len(), at_least(1.0));
    Ok(rolled)
}

/// Step 8: requests were answered all the while.
pub fn answered_throughout(case: &mut Case, rolled: &Seen) {
    case.expect("requests that were answered", rolled.at("/answered"), at_least(REQUESTS));
    case.expect("requests that were not", rolled.at("/unanswered"), is(json!([])));
}

/// Step 9: the first process of a pod ends, and the cluster starts it anew.
pub async fn come_back(case: &mut Case, all: &Manifests) -> Result<(), Stop> {
    let Some(gateway) = all.workload_of(Service::Gateway.name()) else {
        return Err(Stop::Failed);
    };
    let before = pods_of(case, gateway, &[]).await?;
    let Some(victim) = before.first().map(name) else {
        return Err(Stop::Failed);
    };
    let restarts = before.first().map_or(0.0, |pod| restarts(pod.value()));
    let words = ["exec", "--namespace", &gateway.namespace, &victim, "--", "sh", "-c", "kill 1"];
    let killed = case.kubectl(&words).await?;
    case.require("exit code of ending the first process of a pod", killed.at("/exit"), is(0))?;
    let is_victim = |pod: &&Value| pod["metadata"]["name"] == victim.as_str();
    let is_back =
        |pods: &[Value]| pods.iter().find(is_victim).is_some_and(|pod| is_ready(pod) && self::restarts(pod) > restarts);
    let after = case.objects_until(&gateway.namespace, "pods", is_back).await?;
    let pod = after.items().into_iter().find(|pod| name(pod) == victim);
    let now = pod.as_ref().map_or(Value::Null, |pod| json!(self::restarts(pod.value())));
    case.expect("restarts of the pod", now, above(restarts));
    case.expect("it is ready", pod.is_some_and(|pod| is_ready(pod.value())), is(true));
    Ok(())
}

/// Step 10: busy pods make the autoscaler want more of them.
pub async fn scale(case: &mut Case, all: &Manifests) -> Result<(), Stop> {
    let metrics = case.kubectl(&["get", "--raw", "/apis/metrics.k8s.io/v1beta1"]).await?;
    if metrics.at("/exit").number() != Some(0.0) {
        case.lacks(Need::ClusterMetrics);
        return Ok(());
    }
    let scaled = all.of_kind("HorizontalPodAutoscaler").find_map(|scaler| {
        let target = scaler.at("/spec/scaleTargetRef");
        let of = all.beside(scaler, target.at("/kind").text()?, target.at("/name").text()?)?;
        Some((scaler, of))
    });
    let Some((scaler, workload)) = scaled else {
        case.expect("horizontal autoscalers of a workload", case.silence(), present());
        return Ok(());
    };
    let wanted = |all: &[Value]| {
        let own = all.iter().find(|one| one["metadata"]["name"] == scaler.name.as_str());
        own.and_then(|own| own["status"]["desiredReplicas"].as_f64())
    };
    let at_rest =
        case.objects_until(&scaler.namespace, "hpa", |all| wanted(all).is_some_and(|pods| pods > 0.0)).await?;
    let rest = wanted(at_rest.value().as_array().map(Vec::as_slice).unwrap_or_default());
    case.require("pods that it wants at rest", json!(rest), at_least(1.0))?;
    let busy: Vec<String> = names(&pods_of(case, workload, &[]).await?);
    let more = |all: &[Value]| wanted(all) > rest;
    let loaded = case.objects_under_load(&scaler.namespace, &busy, "hpa", more).await?;
    let load = wanted(loaded.value().as_array().map(Vec::as_slice).unwrap_or_default());
    case.expect("pods that it wants under load", json!(load), above(rest.unwrap_or_default()));
    Ok(())
}

/// The pods of a workload, once all are ready and none of these is left.
async fn pods_of(case: &mut Case, workload: &Object, gone: &[String]) -> Result<Vec<Seen>, Stop> {
    let labels = workload.at("/spec/selector/matchLabels");
    let wanted: Vec<(String, Value)> =
        labels.keys().into_iter().map(|key| (key.clone(), labels.key(&key).value().clone())).collect();
    let is_own = |pod: &Value| wanted.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value);
    let is_gone = |pod: &Value| !gone.iter().any(|name| pod["metadata"]["name"] == name.as_str());
    let settled = |pods: &[Value]| {
        let own: Vec<&Value> = pods.iter().filter(|pod| is_own(pod)).collect();
        !own.is_empty() && own.iter().all(|pod| is_ready(pod) && is_gone(pod))
    };
    let pods = case.objects_until(&workload.namespace, "pods", settled).await?;
    Ok(pods.items().into_iter().filter(|pod| is_own(pod.value())).collect())
}

/// The first Service that selects the pods of a service.
fn leading_to(all: &Manifests, service: Service) -> Option<&Object> {
    let workload = all.workload_of(service.name())?;
    let leads_there = |object: &&Object| {
        all.selected(object, &object.at("/spec/selector")).any(|selected| selected.place == workload.place)
    };
    all.of_kind("Service").find(leads_there)
}

/// Where the cluster's API hands requests on to the first port of a Service, at the path of its health.
fn through_the_api(object: &Object, service: Service) -> String {
    let port = object.at("/spec/ports/0/port").number().unwrap_or_default();
    let (namespace, name, path) = (&object.namespace, &object.name, service.health_path());
    format!("/api/v1/namespaces/{namespace}/services/{name}:{port}/proxy{path}")
}

fn gateway_path(all: &Manifests) -> String {
    leading_to(all, Service::Gateway).map_or_else(String::new, |object| through_the_api(object, Service::Gateway))
}

fn name(object: &Seen) -> String {
    object.at("/metadata/name").text().unwrap_or("‹no name›").to_owned()
}

fn names(objects: &[Seen]) -> Vec<String> {
    objects.iter().map(name).collect()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let ready = |one: &Value| one["type"] == "Ready" && one["status"] == "True";
    pod["status"]["phase"] == "Running" && conditions.is_some_and(|all| all.iter().any(ready))
}

fn restarts(pod: &Value) -> f64 {
    let containers = pod["status"]["containerStatuses"].as_array();
    containers.map_or(0.0, |all| all.iter().filter_map(|one| one["restartCount"].as_f64()).sum())
}
