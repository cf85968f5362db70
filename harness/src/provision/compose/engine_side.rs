//! What the engine knows of a project, and does with its containers.

use crate::provision::docker::engine::{Engine, within};
use crate::provision::docker::leftovers;
use crate::target::{Container, Said};
use futures_util::StreamExt;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use testcontainers::bollard::container::LogOutput;
use testcontainers::bollard::exec::StartExecResults;
use testcontainers::bollard::models::{ContainerInspectResponse, ExecConfig};
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
};

/// Label: the project that something belongs to.
const PROJECT: &str = "com.docker.compose.project";
/// Label: the service that a container is of.
const SERVICE: &str = "com.docker.compose.service";
/// How long a container may take to stop before it is killed, as `docker-compose stop` has it.
const FAREWELL: i32 = 10;
/// How long a command inside a container may take.
const COMMAND: Duration = Duration::from_secs(30);

/// The containers of a project, in the order of their services' names.
pub async fn list(engine: &Engine, project: &str) -> Result<Vec<Container>, String> {
    let filters = HashMap::from([("label", vec![format!("{PROJECT}={project}")])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let found = within(engine.api.list_containers(Some(options))).await?;
    let mut all = Vec::new();
    for id in found.into_iter().filter_map(|container| container.id) {
        // Gone between the two questions: then it is not there.
        if let Ok(known) = within(engine.api.inspect_container(&id, None)).await {
            all.extend(container(project, id, known));
        }
    }
    all.sort_by(|one, other| one.service.cmp(&other.service));
    Ok(all)
}

fn container(project: &str, id: String, known: ContainerInspectResponse) -> Option<Container> {
    let service = known.config?.labels?.get(SERVICE)?.clone();
    let state = known.state?;
    // Names of networks and volumes begin with the project's.
    let plain =
        |name: &str| name.strip_prefix(project).map_or(name, |rest| rest.trim_start_matches(['_', '-'])).to_owned();
    let networks = known.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let addresses = networks.into_iter().map(|(name, network)| (plain(&name), network.ip_address.unwrap_or_default()));
    let mounts = known.mounts.unwrap_or_default().into_iter();
    let volumes = mounts.filter_map(|mount| Some((mount.destination?, mount.name.filter(|name| is_given(name))?)));
    let volumes = volumes.map(|(inside, name)| (inside, plain(&name)));
    Some(Container {
        service,
        id,
        state: state.status.map(|status| status.to_string()).unwrap_or_default(),
        health: state.health.and_then(|health| health.status).map(|status| status.to_string()),
        restarts: known.restart_count.unwrap_or_default(),
        networks: addresses.collect(),
        volumes: volumes.collect::<BTreeMap<_, _>>(),
    })
}

/// Whether somebody gave a volume its name; the engine's own are 64 hex digits.
fn is_given(name: &str) -> bool {
    name.len() != 64 || !name.bytes().all(|letter| letter.is_ascii_hexdigit())
}

/// Runs a command to its end.
pub async fn run_inside(engine: &Engine, id: &str, command: &[String]) -> Result<Said, String> {
    let config = ExecConfig {
        cmd: Some(command.to_vec()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..ExecConfig::default()
    };
    let work = async {
        let exec = engine.api.create_exec(id, config).await.map_err(|error| error.to_string())?.id;
        let started = engine.api.start_exec(&exec, None).await.map_err(|error| error.to_string())?;
        let mut output = String::new();
        if let StartExecResults::Attached { output: mut stream, .. } = started {
            while let Some(piece) = stream.next().await {
                if let LogOutput::StdOut { message } | LogOutput::StdErr { message } =
                    piece.map_err(|error| error.to_string())?
                {
                    output += &String::from_utf8_lossy(&message);
                }
            }
        }
        let ended = engine.api.inspect_exec(&exec).await.map_err(|error| error.to_string())?;
        Ok(Said { exit: ended.exit_code, output })
    };
    match tokio::time::timeout(COMMAND, work).await {
        Ok(said) => said,
        Err(_) => Ok(Said { exit: None, output: format!("not done within {COMMAND:?}") }),
    }
}

/// Stops a container, then removes it and not its named volumes.
pub async fn stop_and_remove(engine: &Engine, id: &str) -> Result<(), String> {
    let stop = StopContainerOptionsBuilder::new().t(FAREWELL).build();
    let stopped = tokio::time::timeout(Duration::from_secs(30), engine.api.stop_container(id, Some(stop))).await;
    stopped.map_err(|_| "it does not stop".to_owned())?.map_err(|error| error.to_string())?;
    let remove = RemoveContainerOptionsBuilder::new().v(false).build();
    within(engine.api.remove_container(id, Some(remove))).await
}

/// Removes everything of a project.
pub async fn remove(engine: &Engine, project: &str) {
    leftovers::remove_labelled(&engine.api, &format!("{PROJECT}={project}")).await;
}
