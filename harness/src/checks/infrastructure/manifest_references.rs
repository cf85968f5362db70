//! Whether what manifests refer to is there: labels that select pods, ports, configuration, storage, backends.

use super::manifests::{Container, Manifests, Object, has_port, selects};
use crate::check::Seen;
use crate::target::Service;

/// A question to manifests, and the faults it finds.
pub struct Question {
    /// What must not be there, in words.
    pub faults: &'static str,
    /// Finds them.
    pub find: fn(&Manifests) -> Vec<String>,
}

/// All questions.
pub const QUESTIONS: [Question; 12] = [
    Question { faults: "documents that are not of their kind", find: |all| all.broken.clone() },
    Question { faults: "fields that their kind does not have", find: |all| all.unknown.clone() },
    Question { faults: "objects that are there twice", find: twice },
    Question { faults: "workloads that do not select their own pods and no others", find: workloads },
    Question { faults: "configuration and secrets that are named and not there", find: configuration },
    Question { faults: "storage that is claimed and not there", find: storage },
    Question { faults: "Services that select no pods, or lead to no port of theirs", find: services },
    Question { faults: "services whose container does not open their port", find: own_ports },
    Question { faults: "backends of ingresses that are no port of a Service", find: backends },
    Question { faults: "ingresses that turn every path into one", find: rewrites },
    Question { faults: "autoscalers of what is not there, or that measure what nobody requests", find: autoscalers },
    Question { faults: "disruption budgets and monitors that select nothing, or one thing twice", find: selectors },
];

fn twice(all: &Manifests) -> Vec<String> {
    let same = |one: &Object, other: &Object| {
        one.place != other.place
            && (&one.kind, &one.name, &one.namespace) == (&other.kind, &other.name, &other.namespace)
    };
    let doubled = all.all().filter(|one| all.all().any(|other| same(one, other)));
    doubled.map(Object::to_string).collect()
}

fn workloads(all: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for workload in all.workloads() {
        let labels = workload.at("/spec/selector/matchLabels");
        if !selects(&labels, &workload.pod_labels()) {
            faults.push(format!("{workload} does not select its own pods"));
        }
        for other in all.selected(workload, &labels).filter(|other| other.place != workload.place) {
            faults.push(format!("{workload} selects the pods of {other}"));
        }
    }
    faults
}

fn configuration(all: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for workload in all.workloads() {
        let missing = |source: &Source| source.place.at("/optional").value() != true;
        for source in sources(workload) {
            let (kind, places) = (source.kind, ["/name", "/secretName"].map(|part| source.place.at(part)));
            let name = places.iter().find_map(Seen::text).unwrap_or_default();
            let Some(found) = all.beside(workload, kind, name) else {
                faults.extend(missing(&source).then(|| format!("{workload}: {kind} {name}")));
                continue;
            };
            let holds = |key: &&str| {
                ["/data", "/stringData", "/binaryData"].iter().any(|part| found.at(part).key(key).is_there())
            };
            let key = source.place.at("/key");
            if let Some(key) = key.text().filter(|key| !holds(key) && missing(&source)) {
                faults.push(format!("{workload}: {key} of {kind} {name}"));
            }
        }
    }
    faults
}

/// Where a pod takes values from: a whole ConfigMap or Secret, or one key of it.
struct Source {
    kind: &'static str,
    place: Seen,
}

fn sources(workload: &Object) -> Vec<Source> {
    let mut all = Vec::new();
    let mut take = |list: Vec<Seen>, pointers: [&str; 2]| {
        for one in list {
            for (kind, pointer) in ["ConfigMap", "Secret"].into_iter().zip(pointers) {
                let place = one.at(pointer);
                all.extend(place.is_there().then_some(Source { kind, place }));
            }
        }
    };
    for container in pod_containers(workload) {
        take(container.at("/envFrom").items(), ["/configMapRef", "/secretRef"]);
        take(container.at("/env").items(), ["/valueFrom/configMapKeyRef", "/valueFrom/secretKeyRef"]);
    }
    take(workload.pod().at("/volumes").items(), ["/configMap", "/secret"]);
    all
}

fn storage(all: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for workload in all.workloads() {
        let volumes = workload.pod().at("/volumes").items();
        for volume in &volumes {
            if let Some(name) = volume.at("/persistentVolumeClaim/claimName").text()
                && all.beside(workload, "PersistentVolumeClaim", name).is_none()
            {
                faults.push(format!("{workload}: PersistentVolumeClaim {name}"));
            }
        }
        let templates = workload.at("/spec/volumeClaimTemplates").items();
        let known = |name: &str| {
            volumes.iter().any(|volume| volume.at("/name").text() == Some(name))
                || templates.iter().any(|claim| claim.at("/metadata/name").text() == Some(name))
        };
        for container in pod_containers(workload) {
            for mount in container.at("/volumeMounts").items() {
                let name = mount.at("/name").text().unwrap_or_default().to_owned();
                if !known(&name) {
                    faults.push(format!("{workload}: volume {name}"));
                }
            }
        }
    }
    for store in ["postgres", "redis", "minio"] {
        if let Some(workload) = all.workload_of(store).filter(|workload| !keeps_data(workload)) {
            faults.push(format!("{workload} keeps its data in the pod"));
        }
    }
    faults
}

fn keeps_data(workload: &Object) -> bool {
    let claims = |volume: &Seen| volume.at("/persistentVolumeClaim/claimName").is_there();
    !workload.at("/spec/volumeClaimTemplates").items().is_empty()
        || workload.pod().at("/volumes").items().iter().any(claims)
}

fn services(all: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for service in all.of_kind("Service") {
        let labels = service.at("/spec/selector");
        // Without a selector, whoever made the Service says itself where it leads.
        if !labels.is_there() {
            continue;
        }
        let pods: Vec<&Object> = all.selected(service, &labels).collect();
        if pods.is_empty() {
            faults.push(format!("{service} selects no pods"));
        }
        for port in service.at("/spec/ports").items() {
            let target = port.at("/targetPort");
            let target = if target.is_there() { target } else { port.at("/port") };
            for workload in &pods {
                if !pod_containers(workload).iter().any(|container| has_port(container, &target)) {
                    faults.push(format!("{service}: no port {} in {workload}", target.value()));
                }
            }
        }
    }
    faults
}

fn own_ports(all: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for service in Service::ALL {
        let Some(workload) = all.workload_of(service.name()) else {
            continue;
        };
        let numbers = pod_containers(workload).into_iter().flat_map(|container| container.at("/ports").items());
        let wanted = f64::from(service.default_port());
        if !numbers.into_iter().any(|port| port.at("/containerPort").number() == Some(wanted)) {
            faults.push(format!("{workload}: {}", service.default_port()));
        }
    }
    faults
}

fn backends(all: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for ingress in all.of_kind("Ingress") {
        let paths = ingress.at("/spec/rules").items().into_iter().flat_map(|rule| rule.at("/http/paths").items());
        let mut backends: Vec<Seen> = paths.map(|path| path.at("/backend")).collect();
        backends.extend(Some(ingress.at("/spec/defaultBackend")).filter(Seen::is_there));
        for backend in backends {
            let name = backend.at("/service/name").text().unwrap_or_default().to_owned();
            let port = backend.at("/service/port");
            let wanted = [port.at("/number"), port.at("/name")];
            let is_meant = |port: &Seen| {
                wanted[0].is_there() && port.at("/port").value() == wanted[0].value()
                    || wanted[1].is_there() && port.at("/name").value() == wanted[1].value()
            };
            let found = all.beside(ingress, "Service", &name);
            if !found.is_some_and(|service| service.at("/spec/ports").items().iter().any(is_meant)) {
                faults.push(format!("{ingress}: {name} {}", port.value()));
            }
        }
    }
    faults
}

/// A rewriting that takes nothing over from the path that was asked for.
fn rewrites(all: &Manifests) -> Vec<String> {
    let annotation = "nginx.ingress.kubernetes.io/rewrite-target";
    let target = |ingress: &Object| ingress.at("/metadata/annotations").key(annotation).text().map(str::to_owned);
    let rewriting = all.of_kind("Ingress").filter_map(|ingress| Some((ingress, target(ingress)?)));
    rewriting.filter(|(_, to)| !to.contains('$')).map(|(ingress, to)| format!("{ingress}: {to}")).collect()
}

fn autoscalers(all: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for scaler in all.of_kind("HorizontalPodAutoscaler") {
        let target = scaler.at("/spec/scaleTargetRef");
        let text = |pointer: &str| target.at(pointer).text().unwrap_or_default().to_owned();
        let (kind, name) = (text("/kind"), text("/name"));
        let Some(workload) = all.beside(scaler, &kind, &name) else {
            faults.push(format!("{scaler}: {kind} {name}"));
            continue;
        };
        let least = scaler.at("/spec/minReplicas").number().unwrap_or(1.0);
        if scaler.at("/spec/maxReplicas").number().is_none_or(|most| most <= least) {
            faults.push(format!("{scaler} never changes the number of pods"));
        }
        for metric in scaler.at("/spec/metrics").items() {
            if metric.at("/resource/target/type").text() != Some("Utilization") {
                continue;
            }
            let resource = metric.at("/resource/name").text().unwrap_or_default().to_owned();
            let states = |container: &Seen| {
                ["/resources/requests", "/resources/limits"]
                    .iter()
                    .any(|part| container.at(part).key(&resource).is_there())
            };
            if !workload.pod().at("/containers").items().iter().all(states) {
                faults.push(format!("{scaler}: {resource}"));
            }
        }
    }
    faults
}

fn selectors(all: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    for budget in all.of_kind("PodDisruptionBudget") {
        if all.selected(budget, &budget.at("/spec/selector/matchLabels")).next().is_none() {
            faults.push(format!("{budget} selects no pods"));
        }
    }
    for monitor in all.of_kind("ServiceMonitor") {
        let labels = monitor.at("/spec/selector/matchLabels");
        let chosen: Vec<&Object> =
            all.of_kind("Service").filter(|service| selects(&labels, &service.at("/metadata/labels"))).collect();
        let mut watched = Vec::new();
        for endpoint in monitor.at("/spec/endpoints").items() {
            let port = endpoint.at("/port").text().unwrap_or_default().to_owned();
            let has = |service: &&&Object| {
                service.at("/spec/ports").items().iter().any(|one| one.at("/name").text() == Some(&port))
            };
            let there: Vec<&&Object> = chosen.iter().filter(has).collect();
            if there.is_empty() {
                faults.push(format!("{monitor}: no Service has a port {port}"));
            }
            watched.extend(there.into_iter().map(|service| format!("{}:{port}", service.name)));
        }
        let count = watched.len();
        watched.sort();
        watched.dedup();
        if watched.len() != count {
            faults.push(format!("{monitor} reads the metrics of a Service more than once"));
        }
    }
    faults
}

/// The containers of a workload's pods, with those that only prepare.
fn pod_containers(workload: &Object) -> Vec<Seen> {
    let pod = workload.pod();
    let mut all = pod.at("/containers").items();
    all.extend(pod.at("/initContainers").items());
    all
}

/// What a probe of a container asks for.
pub fn probe_faults(container: &Container<'_>, pointer: &str) -> Vec<String> {
    let probe = container.seen.at(pointer);
    let handlers = ["/httpGet", "/exec", "/tcpSocket", "/grpc"];
    if !handlers.iter().any(|handler| probe.at(handler).is_there()) {
        return vec![format!("{} has none", container.name())];
    }
    let mut faults = Vec::new();
    for handler in ["/httpGet", "/tcpSocket"] {
        let handler = probe.at(handler);
        if handler.is_there() && !container.has_port(&handler.at("/port")) {
            faults.push(format!("{}: no port {}", container.name(), handler.at("/port").value()));
        }
    }
    if probe.at("/exec").is_there() && probe.at("/exec/command").items().is_empty() {
        faults.push(format!("{}: an empty command", container.name()));
    }
    let path = probe.at("/httpGet/path");
    if probe.at("/httpGet").is_there() && !path.text().is_some_and(|path| path.starts_with('/')) {
        faults.push(format!("{}: no path {}", container.name(), path.value()));
    }
    faults
}
