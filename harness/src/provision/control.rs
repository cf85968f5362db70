//! Power over a stack of our own: its services, its servers, its migrations, the files it starts from.

use super::command::{Printed, run_to_end};
use super::database;
use super::run::Run;
use super::servers::RedisServer;
use super::services::Services;
use crate::target::{Boxed, CannotControl, Control, PostgresAccess, Power, Server, Service, Signal};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// How long the migrations of a database may take.
const MIGRATIONS: Duration = Duration::from_secs(60);

/// Everything about a stack that can be stopped, started or set.
pub struct StackControl {
    /// The run it belongs to.
    pub run: Arc<Run>,
    /// The services.
    pub services: Arc<Services>,
    /// The Redis of the stack.
    pub redis: Arc<RedisServer>,
    /// The database of the stack.
    pub database: PostgresAccess,
    /// The reference's executable.
    pub reference: PathBuf,
    /// Where the services run.
    pub folder: PathBuf,
}

impl StackControl {
    fn files(&self, name: &str) -> Result<PathBuf, CannotControl> {
        let plain = !name.is_empty() && !name.contains('/') && name != "..";
        let wrong = || CannotControl::new("write", name, "expected the name of a file in the services' folder");
        if plain { Ok(self.folder.join(name)) } else { Err(wrong()) }
    }
}

impl Control for StackControl {
    fn stop(&self, service: Service) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(self.services.stop(service))
    }

    fn start(&self, service: Service) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(self.services.start_with(service, Vec::new(), true))
    }

    fn pid(&self, service: Service) -> Boxed<'_, Result<u32, CannotControl>> {
        Box::pin(self.services.pid(service))
    }

    fn grants(&self, power: Power) -> bool {
        match power {
            Power::Configure | Power::Signal | Power::Migrate | Power::Over(Server::Redis) => true,
            Power::Over(Server::Postgres | Server::ObjectStore) => false,
        }
    }

    fn start_with(
        &self,
        service: Service,
        variables: Vec<(String, Option<String>)>,
        healthy: bool,
    ) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(self.services.start_with(service, variables, healthy))
    }

    fn place_file(&self, name: &str, text: Option<&str>) -> Result<(), CannotControl> {
        let path = self.files(name)?;
        let done = match text {
            Some(text) => std::fs::write(&path, text),
            None => std::fs::remove_file(&path),
        };
        done.map_err(|error| CannotControl::new("write", path.display(), error))
    }

    fn signal(&self, service: Service, signal: Signal) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(self.services.signal(service, signal))
    }

    fn ended(&self, service: Service, within: Duration) -> Boxed<'_, Result<Value, CannotControl>> {
        Box::pin(self.services.ended(service, within))
    }

    fn migrate(&self, down: Option<u32>) -> Boxed<'_, Result<Value, CannotControl>> {
        let mut command = Command::new(&self.reference);
        command.arg("migrate").env_clear().envs(database::variables(&self.database)).current_dir(&self.folder);
        if let Some(steps) = down {
            command.args(["--down", &steps.to_string()]);
        }
        Box::pin(async move {
            let done = run_to_end(&self.run, "autograph migrate", command, MIGRATIONS).await;
            let Printed { code, output } = done.map_err(|error| CannotControl::new("run", "the migrations", error))?;
            Ok(json!({"code": code, "printed": output}))
        })
    }

    fn stop_server(&self, server: Server) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move {
            match server {
                Server::Redis => self.redis.running.pause().await,
                Server::Postgres | Server::ObjectStore => Err("it is not this stack's own".to_owned()),
            }
            .map_err(|reason| CannotControl::new("stop", server, reason))
        })
    }

    fn start_server(&self, server: Server) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move {
            match server {
                Server::Redis => self.redis.running.resume().await,
                Server::Postgres | Server::ObjectStore => Err("it is not this stack's own".to_owned()),
            }
            .map_err(|reason| CannotControl::new("start", server, reason))
        })
    }
}
