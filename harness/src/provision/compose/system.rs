//! A system that a compose file has brought up, as a project of the run's own.

use super::overlay::{Mounted, over};
use super::settings::Settings;
use super::{Ground, engine_side};
use crate::provision::alteration::Alteration;
use crate::provision::command::{Printed, run_to_end};
use crate::provision::docker::leftovers;
use crate::provision::error::ProvisionError;
use crate::provision::{deployment, random};
use crate::target::{Boxed, Composed, Container, Containers, Said, Service, Target};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// How long `up` may take: thirteen containers that wait for each other, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(150);

/// A running system. [`System::stop`] removes it; what is left after a drop, the reaper removes.
pub struct System {
    /// What a check gets.
    pub target: Target,
    project: Arc<Project>,
}

/// Its containers, by the name of the project.
struct Project {
    ground: Arc<Ground>,
    name: String,
    files: [PathBuf; 2],
    no_variables: PathBuf,
    variables: Vec<(String, String)>,
    up: Said,
}

impl System {
    /// Brings it up. That something does not start is the target's fault, and no error here.
    pub async fn start(
        ground: Arc<Ground>,
        composed: Composed,
        alterations: &[Alteration],
    ) -> Result<System, ProvisionError> {
        let name = format!("autograph-conformance-{}-{}", ground.run.id, random::hex(2));
        let folder = ground.run.directory.join(format!("compose-{}", random::hex(4)));
        std::fs::create_dir(&folder).map_err(ProvisionError::file("create", &folder))?;
        let file = deployment::compose_file(&ground.source, &folder, alterations)?;
        let overlay = over(&file, &leftovers::labels(&ground.run.id), |service| mounted(&ground, service))?;
        let over = folder.join("overlay.json");
        std::fs::write(&over, overlay.to_string()).map_err(ProvisionError::file("write", &over))?;
        // In place of the user's own `.env`, whose ports and project may be in use.
        let no_variables = folder.join("empty.env");
        std::fs::write(&no_variables, "").map_err(ProvisionError::file("write", &no_variables))?;
        let settings = Settings::draw(&ground.run.ports)?;
        let variables = settings.variables(&ground).into_iter().collect();
        let up = Said { exit: None, output: String::new() };
        let mut project = Project { ground, name, files: [file, over], no_variables, variables, up };
        let services: &[&str] = match composed {
            Composed::Whole => &[],
            Composed::Stores => &["postgres", "redis", "minio"],
        };
        project.up = project.compose(&[&["up", "--detach"], services].concat()).await;
        let project = Arc::new(project);
        let mut target = Target { containers: Some(project.clone()), ..settings.target() };
        if composed == Composed::Stores {
            target.services.clear();
        }
        Ok(System { target, project })
    }

    /// Removes its containers, networks and volumes.
    pub async fn stop(self) {
        drop(self.target);
        engine_side::remove(&self.project.ground.engine, &self.project.name).await;
    }
}

/// A stand-in image may be older than what is to be tried.
fn mounted(ground: &Ground, service: &str) -> Option<Mounted> {
    let images = &ground.images;
    let ours = Service::named(service).is_some() && images.services.is_stand_in();
    let store = service == "minio" && images.minio.is_stand_in();
    match (ours, store) {
        (true, _) => Some(Mounted { program: ground.reference.clone(), inside: "/usr/local/bin/autograph" }),
        (_, true) => Some(Mounted { program: ground.conform.clone(), inside: "/usr/local/bin/conform" }),
        _ => None,
    }
}

impl Project {
    /// Runs the compose program to its end, or to the end of patience.
    async fn compose(&self, arguments: &[&str]) -> Said {
        let shown = format!("docker-compose {}", arguments.join(" "));
        match run_to_end(&self.ground.run, &shown, self.command(arguments), PATIENCE).await {
            Ok(Printed { code, output }) => Said { exit: code.map(i64::from), output },
            Err(error) => Said { exit: None, output: error.to_string() },
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.ground.tool.command();
        for file in &self.files {
            command.arg("--file").arg(file);
        }
        command.arg("--env-file").arg(&self.no_variables);
        command.args(["--project-name", &self.name]).args(arguments);
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        for name in ["PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    async fn id(&self, service: &str) -> Result<String, String> {
        let all = engine_side::list(&self.ground.engine, &self.name).await?;
        let found = all.into_iter().find(|container| container.service == service);
        found.map(|container| container.id).ok_or_else(|| format!("{service} has no container"))
    }
}

impl Containers for Project {
    fn up(&self) -> Said {
        self.up.clone()
    }

    fn list(&self) -> Boxed<'_, Result<Vec<Container>, String>> {
        Box::pin(engine_side::list(&self.ground.engine, &self.name))
    }

    fn run_inside<'a>(&'a self, service: &'a str, command: &'a [String]) -> Boxed<'a, Result<Said, String>> {
        Box::pin(async move {
            let id = self.id(service).await?;
            engine_side::run_inside(&self.ground.engine, &id, command).await
        })
    }

    fn remove<'a>(&'a self, service: &'a str) -> Boxed<'a, Result<(), String>> {
        Box::pin(async move {
            let id = self.id(service).await?;
            engine_side::stop_and_remove(&self.ground.engine, &id).await
        })
    }

    fn start<'a>(&'a self, service: &'a str) -> Boxed<'a, Result<Said, String>> {
        Box::pin(async move { Ok(self.compose(&["up", "--detach", "--no-deps", service]).await) })
    }
}
