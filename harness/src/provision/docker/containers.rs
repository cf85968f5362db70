//! Starts containers that carry the run's name and publish one port on loopback.

use super::engine::Engine;
use super::images::{Image, Server};
use super::leftovers;
use crate::provision::error::ProvisionError;
use crate::provision::ports::Ports;
use crate::provision::readiness::{Attempt, until};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use testcontainers::bollard::models::PortBinding;
use testcontainers::core::{IntoContainerPort, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

/// How long a server in a container may take: its first start makes its data, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of its output an error shows.
const TAIL: usize = 2_000;
/// The folder in memory for the data of a server; what it holds is gone with the container.
pub const MEMORY: &str = "/run/autograph";

/// Starts containers for one run.
pub struct Containers {
    /// The engine they run in.
    pub engine: Engine,
    run_id: String,
    ports: Arc<Ports>,
}

/// What a container is to be.
pub struct Plan<'a> {
    /// Its image.
    pub image: &'a Image,
    /// The port that its server listens on.
    pub port: u16,
    /// Its environment.
    pub variables: Vec<(&'static str, String)>,
    /// The arguments of its entry point.
    pub arguments: Vec<String>,
    /// The port at which it is to be reached; any that is free, if it does not matter.
    pub at: Option<u16>,
}

/// A container that runs. Dropping it removes it, as well as a drop can.
pub struct Container {
    inner: ContainerAsync<GenericImage>,
    server: Server,
    /// The host at which it is reached.
    pub host: String,
    /// The port at which it is reached.
    pub port: u16,
}

impl Containers {
    /// For the run with this id, whose servers are reached at ports that it hands out.
    pub fn new(engine: Engine, run_id: &str, ports: Arc<Ports>) -> Containers {
        Containers { engine, run_id: run_id.to_owned(), ports }
    }

    /// The id of the run.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Starts a container; its server may not answer yet.
    pub async fn start(&self, plan: Plan<'_>) -> Result<Container, ProvisionError> {
        let server = plan.image.server;
        let mut tries = 0;
        let inner = loop {
            tries += 1;
            // Named, and not left to the engine, so that it stays the container's own when that is stopped and started.
            let at = plan.at.map_or_else(|| self.ports.take(), Ok)?;
            match self.request(&plan, at).start().await {
                Ok(inner) => break inner,
                // Somebody took the published port between its choice and its use.
                Err(error) if tries < 3 && is_about_the_port(&error.to_string()) => {}
                Err(error) => return Err(failed(server, error)),
            }
        };
        let mut container = Container { inner, server, host: self.engine.host.clone(), port: 0 };
        match container.inner.get_host_port_ipv4(plan.port.tcp()).await {
            Ok(port) => container.port = port,
            // A server that refuses its settings is gone before its port can be read.
            Err(error) => match container.explain::<()>(error.to_string()).await {
                Attempt::Hopeless(last) => {
                    return Err(container.not_ready(Duration::ZERO, last).await);
                }
                _ => return Err(failed(server, error)),
            },
        }
        Ok(container)
    }

    fn request(&self, plan: &Plan<'_>, at: u16) -> testcontainers::ContainerRequest<GenericImage> {
        let inside = format!("{}/tcp", plan.port);
        let outside = PortBinding { host_ip: Some(self.engine.publish_on.to_owned()), host_port: Some(at.to_string()) };
        let mut request = GenericImage::new(plan.image.name.clone(), plan.image.tag.clone())
            .with_exposed_port(plan.port.tcp())
            .with_cmd(plan.arguments.iter().cloned())
            .with_labels(leftovers::labels(&self.run_id))
            .with_mount(Mount::tmpfs_mount(MEMORY))
            // Otherwise every port of the image would be published on every address of the machine.
            .with_host_config_modifier(move |host| {
                host.publish_all_ports = Some(false);
                host.port_bindings = Some(HashMap::from([(inside.clone(), Some(vec![outside.clone()]))]));
            });
        for (name, value) in &plan.variables {
            request = request.with_env_var(*name, value.clone());
        }
        request
    }
}

impl Container {
    /// Asks the server until it answers in its own protocol; its container having ended is the end of hope.
    pub async fn ready<T, E: std::fmt::Display, F: Future<Output = Result<T, E>>>(
        &self,
        question: impl Fn() -> F,
    ) -> Result<T, ProvisionError> {
        let attempt = || async {
            // The proxy of the published port accepts before the server does, and then says nothing.
            match tokio::time::timeout(Duration::from_secs(2), question()).await {
                Ok(Ok(answer)) => Attempt::Ready(answer),
                Ok(Err(error)) => self.explain(error.to_string()).await,
                Err(_) => self.explain("no answer within 2 s".into()).await,
            }
        };
        match until(PATIENCE, attempt).await {
            Ok(answer) => Ok(answer),
            Err(gave_up) => Err(self.not_ready(gave_up.waited, gave_up.last).await),
        }
    }

    async fn not_ready(&self, waited: Duration, last: String) -> ProvisionError {
        ProvisionError::ServerNotReady { server: self.server.name(), waited, last, log: self.log_tail().await }
    }

    async fn explain<T>(&self, why: String) -> Attempt<T> {
        match self.inner.exit_code().await {
            Ok(None) => Attempt::NotYet(why),
            Ok(Some(code)) => Attempt::Hopeless(format!("its container ended with exit code {code}")),
            Err(error) => Attempt::Hopeless(format!("its container is gone: {error}")),
        }
    }

    async fn log_tail(&self) -> String {
        let out = self.inner.stdout_to_vec().await.unwrap_or_default();
        let err = self.inner.stderr_to_vec().await.unwrap_or_default();
        let text = String::from_utf8_lossy(&[out, err].concat()).into_owned();
        let start = text.len().saturating_sub(TAIL);
        let start = (start..).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        match text[start..].trim() {
            "" => "(empty)".into(),
            tail => tail.to_owned(),
        }
    }

    /// Kills its server; the container and its address stay.
    pub async fn halt(&self) -> Result<(), String> {
        self.inner.stop_with_timeout(Some(0)).await.map_err(|error| error.to_string())
    }

    /// Starts its server again.
    pub async fn go_on(&self) -> Result<(), String> {
        self.inner.start().await.map_err(|error| error.to_string())
    }

    /// Removes it with its data and returns once it is gone.
    pub async fn remove(self) {
        // What cannot be removed now, the removal of the whole run tries again.
        let _ = self.inner.rm().await;
    }
}

fn is_about_the_port(message: &str) -> bool {
    message.contains("address already in use") || message.contains("port is already allocated")
}

fn failed(server: Server, error: impl std::fmt::Display) -> ProvisionError {
    ProvisionError::Container { server: server.name(), reason: error.to_string() }
}
