//! The containers probe: which containers a compose file has brought up, what can be done inside and with them.

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::{Container, Containers, Need};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long a health check may call a container `starting`.
const SETTLED: Duration = Duration::from_secs(60);
/// How often they are looked at.
const PAUSE: Duration = Duration::from_millis(200);

impl Case {
    /// How `docker-compose up -d` ended: `/exit` and `/output`.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there are no containers.
    pub async fn composed(&mut self) -> Result<Seen, Stop> {
        self.needs(Need::Containers)?;
        self.observe("containers", json!("up"), async |live: Arc<Live>| Ok(json!(containers(&live)?.up()))).await
    }

    /// The containers, as soon as none is `starting` any more or patience ends: by service, a list of `/id`, `/state`,
    /// `/health`, `/restarts`, `/networks` (address by name), `/volumes` (name by mount point).
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the engine does not tell.
    pub async fn containers(&mut self) -> Result<Seen, Stop> {
        self.needs(Need::Containers)?;
        self.observe("containers", json!("list"), async |live: Arc<Live>| {
            let containers = containers(&live)?;
            let deadline = tokio::time::Instant::now() + SETTLED;
            loop {
                let all = containers.list().await.map_err(cannot)?;
                let starting = |one: &Container| one.state == "running" && one.health.as_deref() == Some("starting");
                if !all.iter().any(starting) || tokio::time::Instant::now() > deadline {
                    return Ok(by_service(all));
                }
                tokio::time::sleep(PAUSE).await;
            }
        })
        .await
    }

    /// Runs a command inside the container of a service: `/exit` and `/output`.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the container is not there or the engine refuses.
    pub async fn run_inside(&mut self, service: &str, command: &[&str]) -> Result<Seen, Stop> {
        self.needs(Need::Containers)?;
        let asked = json!({"inside": service, "run": command});
        let (service, command): (_, Vec<String>) =
            (service.to_owned(), command.iter().map(|&word| word.to_owned()).collect());
        self.observe("containers", asked, async |live: Arc<Live>| {
            let command: Vec<String> = command.iter().map(|word| live.vault.open(word)).collect();
            let said = containers(&live)?.run_inside(&service, &command).await.map_err(cannot)?;
            Ok(json!(said))
        })
        .await
    }

    /// Stops the container of a service and removes it.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the engine refuses.
    pub async fn remove_container(&mut self, service: &str) -> Result<(), Stop> {
        self.needs(Need::Containers)?;
        let asked = json!({"remove": service});
        let service = service.to_owned();
        self.observe("containers", asked, async |live: Arc<Live>| {
            containers(&live)?.remove(&service).await.map_err(cannot)?;
            Ok(json!("removed"))
        })
        .await?;
        Ok(())
    }

    /// Makes a container for a service that has none: `/exit` and `/output` of `docker-compose up -d SERVICE`.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the engine refuses.
    pub async fn start_container(&mut self, service: &str) -> Result<Seen, Stop> {
        self.needs(Need::Containers)?;
        let asked = json!({"start": service});
        let service = service.to_owned();
        self.observe("containers", asked, async |live: Arc<Live>| {
            Ok(json!(containers(&live)?.start(&service).await.map_err(cannot)?))
        })
        .await
    }
}

fn containers(live: &Live) -> Result<Arc<dyn Containers>, CannotLook> {
    let containers = live.target.containers.clone();
    containers.ok_or_else(|| cannot("the target gives no power over containers".to_owned()))
}

fn cannot(reason: String) -> CannotLook {
    CannotLook::new("containers", reason)
}

fn by_service(all: Vec<Container>) -> Value {
    let mut services = Map::new();
    for container in all {
        let of_service = services.entry(container.service.clone()).or_insert_with(|| json!([]));
        if let Value::Array(list) = of_service {
            list.push(json!(container));
        }
    }
    Value::Object(services)
}
