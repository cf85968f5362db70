//! Finds containers, networks and volumes of runs by their labels, and removes them.

use super::engine::{Engine, within};
use crate::provision::process_identity;
use futures_util::future::join_all;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::ContainerSummary;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptions,
};

/// Label: the id of the run that a container belongs to.
pub const RUN: &str = "autograph-conformance.run";
/// Label: the process id of the harness.
pub const PID: &str = "autograph-conformance.pid";
/// Label: when that process started, 0 if not known.
pub const STARTED: &str = "autograph-conformance.started";
/// Label: the space in which that process id means something.
pub const NAMESPACE: &str = "autograph-conformance.pid-namespace";

/// Removes everything of a run, if an engine answers. The reaper calls it for a harness that was killed.
pub async fn remove_run(run_id: &str) {
    let Ok(engine) = Engine::find().await else {
        return;
    };
    remove_labelled(&engine.api, &format!("{RUN}={run_id}")).await;
}

/// Removes every container, network and volume with a label.
pub async fn remove_labelled(api: &Docker, label: &str) {
    // A container whose creation was under way appears in a later list.
    for _ in 0..20 {
        let containers = labelled(api, label).await;
        remove(api, &containers).await;
        let left = places(api, label).await;
        if containers.is_empty() && left.is_empty() {
            return;
        }
        for place in &left {
            place.remove(api).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// By these labels everything that a run made is found again, whatever became of it.
pub fn labels(run_id: &str) -> BTreeMap<String, String> {
    let me = std::process::id();
    let started = process_identity::started(me).unwrap_or_default();
    [(RUN, run_id.to_owned()), (PID, me.to_string()), (STARTED, started.to_string())]
        .into_iter()
        .chain([(NAMESPACE, process_identity::namespace())])
        .map(|(label, value)| (label.to_owned(), value))
        .collect()
}

/// What containers leave behind: a network or a volume, with its labels.
struct Place {
    kind: Kind,
    name: String,
    labels: HashMap<String, String>,
}

#[derive(Clone, Copy)]
enum Kind {
    Network,
    Volume,
}

impl Place {
    async fn remove(&self, api: &Docker) {
        // One that is still in use is tried again.
        let _ = match self.kind {
            Kind::Network => within(api.remove_network(&self.name)).await,
            Kind::Volume => within(api.remove_volume(&self.name, None::<RemoveVolumeOptions>)).await,
        };
    }
}

async fn places(api: &Docker, label: &str) -> Vec<Place> {
    let filters = HashMap::from([("label", vec![label])]);
    let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
    let networks =
        within(api.list_networks(Some(networks))).await.unwrap_or_default().into_iter().filter_map(|one| {
            Some(Place { kind: Kind::Network, name: one.id?, labels: one.labels.unwrap_or_default() })
        });
    let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
    let volumes = within(api.list_volumes(Some(volumes))).await.ok().and_then(|found| found.volumes);
    let volumes = volumes.into_iter().flatten();
    let volumes = volumes.map(|one| Place { kind: Kind::Volume, name: one.name, labels: one.labels });
    networks.chain(volumes).collect()
}

/// Removes what runs whose harness is dead have left behind.
pub async fn sweep(engine: &Engine) {
    if !engine.local {
        // The process ids of another machine's harness mean nothing here.
        return;
    }
    let mut containers = labelled(&engine.api, RUN).await;
    containers.retain(|container| container.labels.as_ref().is_some_and(is_dead));
    remove(&engine.api, &containers).await;
    for place in places(&engine.api, RUN).await.iter().filter(|place| is_dead(&place.labels)) {
        place.remove(&engine.api).await;
    }
}

async fn labelled(api: &Docker, label: &str) -> Vec<ContainerSummary> {
    let filters = HashMap::from([("label", vec![label])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    within(api.list_containers(Some(options))).await.unwrap_or_default()
}

async fn remove(api: &Docker, containers: &[ContainerSummary]) {
    let ids = containers.iter().filter_map(|container| container.id.as_deref());
    join_all(ids.map(|id| {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        within(api.remove_container(id, Some(options)))
    }))
    .await;
}

/// Whether the harness is known to be dead. In doubt it is not.
fn is_dead(labels: &HashMap<String, String>) -> bool {
    let number = |label| labels.get(label).and_then(|value| value.parse::<u64>().ok());
    let pid = number(PID).and_then(|pid| u32::try_from(pid).ok());
    let (Some(pid), Some(started)) = (pid, number(STARTED)) else {
        return false;
    };
    let same_space = labels.get(NAMESPACE) == Some(&process_identity::namespace());
    same_space && started != 0 && !process_identity::is_alive(pid, started)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn labels(pid: u32, started: u64, namespace: &str) -> HashMap<String, String> {
        HashMap::from([
            (PID.into(), pid.to_string()),
            (STARTED.into(), started.to_string()),
            (NAMESPACE.into(), namespace.into()),
        ])
    }

    #[test]
    fn only_a_harness_known_to_be_dead_loses_its_containers() {
        let me = std::process::id();
        let started = process_identity::started(me).unwrap();
        let here = process_identity::namespace();
        assert!(is_dead(&labels(me, started + 1, &here)));
        assert!(!is_dead(&labels(me, started, &here)));
        assert!(!is_dead(&labels(me, 0, &here)));
        assert!(!is_dead(&labels(me, started + 1, "pid:[1]")));
        assert!(!is_dead(&HashMap::new()));
    }
}
