//! Power over a stack of our own: its services, its servers, its migrations, the files it starts from.

use super::command::{Printed, run_to_end};
use super::database;
use super::object_store::ObjectStore;
use super::run::Run;
use super::servers::{PostgresServer, RedisServer, Running};
use super::services::Services;
use crate::target::{Boxed, CannotControl, Control, PostgresAccess, Power, Server, Service, Signal};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection};
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
    /// The PostgreSQL of the stack, where it has one of its own.
    pub postgres: Option<Arc<PostgresServer>>,
    /// The S3 store, where it is the stack's own.
    pub object_store: Option<Arc<ObjectStore>>,
    /// The database of the stack.
    pub database: PostgresAccess,
    /// The reference's executable.
    pub reference: PathBuf,
    /// Where the services run.
    pub folder: PathBuf,
}

/// Said where a server serves others as well.
const NOT_OWN: &str = "it is not this stack's own";

impl StackControl {
    fn server(&self, server: Server) -> Option<&dyn Running> {
        match server {
            Server::Redis => Some(&*self.redis.running),
            Server::Postgres => self.postgres.as_ref().map(|postgres| &*postgres.running),
            Server::ObjectStore => self.object_store.as_ref().map(|store| &*store.running),
        }
    }

    fn own(&self, server: Server, action: &'static str) -> Result<&dyn Running, CannotControl> {
        self.server(server).ok_or_else(|| CannotControl::new(action, server, NOT_OWN))
    }

    async fn migrations(&self, place: &PostgresAccess, steps: Option<i32>) -> Result<Printed, CannotControl> {
        let mut command = Command::new(&self.reference);
        command.arg("migrate").env_clear().envs(database::variables(place)).current_dir(&self.folder);
        if let Some(steps) = steps {
            let direction = if steps < 0 { "--down" } else { "--up" };
            command.args([direction, &steps.unsigned_abs().to_string()]);
        }
        let done = run_to_end(&self.run, "autograph migrate", command, MIGRATIONS).await;
        done.map_err(|error| CannotControl::new("run", "the migrations", error))
    }

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
            Power::Configure | Power::Signal | Power::Migrate => true,
            Power::Over(server) => self.server(server).is_some(),
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

    fn migrate(&self, steps: Option<i32>) -> Boxed<'_, Result<Value, CannotControl>> {
        Box::pin(async move {
            let Printed { code, output } = self.migrations(&self.database, steps).await?;
            Ok(json!({"code": code, "printed": output}))
        })
    }

    fn add_database(&self, name: String) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move {
            let cannot = |reason: String| CannotControl::new("make", format!("the database {name}"), reason);
            let work = async {
                let mut connection = database::connect(&self.database).await?;
                let name = name.replace('"', "\"\"");
                // An earlier stack of the same seed may have left one of that name.
                let drop = AssertSqlSafe(format!("drop database if exists \"{name}\" with (force)"));
                let create = AssertSqlSafe(format!("create database \"{name}\""));
                sqlx::raw_sql(drop).execute(&mut connection).await?;
                sqlx::raw_sql(create).execute(&mut connection).await?;
                connection.close().await
            };
            work.await.map_err(|error: sqlx::Error| cannot(error.to_string()))?;
            let place = PostgresAccess { database: name.clone(), ..self.database.clone() };
            match self.migrations(&place, None).await? {
                Printed { code: Some(0), .. } => Ok(()),
                Printed { output, .. } => Err(cannot(output)),
            }
        })
    }

    fn stop_server(&self, server: Server) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move {
            let stopped = self.own(server, "stop")?.pause().await;
            stopped.map_err(|reason| CannotControl::new("stop", server, reason))
        })
    }

    fn wipe_server(&self, server: Server) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move {
            let wiped = self.own(server, "empty")?.wipe().await;
            wiped.map_err(|reason| CannotControl::new("empty", server, reason))
        })
    }

    fn start_server(&self, server: Server) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move {
            let cannot = |reason: String| CannotControl::new("start", server, reason);
            self.own(server, "start")?.resume().await.map_err(cannot)?;
            match (server, &self.postgres) {
                // A server without data has no database, which is for whoever runs it to make.
                (Server::Postgres, Some(postgres)) => {
                    let made = database::ensure(&postgres.access, &self.database.database).await;
                    made.map_err(|error| cannot(error.to_string()))
                }
                _ => Ok(()),
            }
        })
    }
}
