//! The containers of a target that a compose file describes: which there are, and what can be done inside and with them.

use super::Boxed;
use serde::Serialize;
use std::collections::BTreeMap;

/// One container, as the engine tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Container {
    /// The service that it is of: `auth-service`, `postgres`.
    pub service: String,
    /// What tells it from the container that takes its place.
    pub id: String,
    /// `running`, `exited`, …
    pub state: String,
    /// What its health check last found: `starting`, `healthy`, `unhealthy`; nothing without a health check.
    pub health: Option<String>,
    /// How often the engine has started it anew.
    pub restarts: i64,
    /// Its address in each network, by the network's name in the compose file.
    pub networks: BTreeMap<String, String>,
    /// The named volume behind each mount point, by its name in the compose file.
    pub volumes: BTreeMap<String, String>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Its exit code; nothing where it did not end by itself.
    pub exit: Option<i64>,
    /// What it printed.
    pub output: String,
}

/// Power over the containers of a target. An error is the engine's, and never a verdict on the target.
pub trait Containers: Send + Sync {
    /// How `docker-compose up -d` ended when the target was brought up.
    fn up(&self) -> Said;
    /// All containers, in the order of their services' names.
    fn list(&self) -> Boxed<'_, Result<Vec<Container>, String>>;
    /// Runs a command inside the container of a service.
    fn run_inside<'a>(&'a self, service: &'a str, command: &'a [String]) -> Boxed<'a, Result<Said, String>>;
    /// Stops the container of a service, as `docker-compose stop` does, and removes it; its volumes stay.
    fn remove<'a>(&'a self, service: &'a str) -> Boxed<'a, Result<(), String>>;
    /// Makes a container for a service that has none: `docker-compose up -d SERVICE`.
    fn start<'a>(&'a self, service: &'a str) -> Boxed<'a, Result<Said, String>>;
}
