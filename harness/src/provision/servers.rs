//! What stacks stand on: one PostgreSQL and one S3 store for the whole run, and a Redis for each stack.

use super::alteration::Alteration;
use super::compose::{self, System};
use super::database::Databases;
use super::error::ProvisionError;
use super::object_store::{self, ObjectStore};
use super::options::{Backend, BackendChoice, Options};
use super::reference::Reference;
use super::run::Run;
use super::stack::{Ground, Stack, StackSpec};
use super::{docker, native};
use crate::target::{Boxed, Cluster, Composed, ObjectStoreAccess, PostgresAccess, RedisAccess};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Where PostgreSQL and Redis come from. `native` and `docker` each have one.
pub trait Infrastructure: Send + Sync {
    /// The superuser's way into the maintenance database `postgres`.
    fn postgres(&self) -> &PostgresAccess;
    /// Starts a Redis for one stack and returns once it has answered PING; may be called concurrently.
    fn redis<'a>(&'a self, stack: &'a str) -> Boxed<'a, Result<RedisServer, ProvisionError>>;
    /// Starts a PostgreSQL for one stack, which hands out its log of changes to others; may be called concurrently.
    fn own_postgres<'a>(&'a self, stack: &'a str) -> Boxed<'a, Result<PostgresServer, ProvisionError>>;
    /// Whether the machine that services run on has the programs of PostgreSQL in the version of its servers.
    fn has_postgres_tools(&self) -> bool;
    /// The S3 store, where the infrastructure has one that has answered a signed request; else one is embedded.
    fn object_store(&self) -> Option<&ObjectStoreAccess>;
    /// Starts an S3 store for one stack, where the infrastructure can; else one of this machine is taken.
    fn own_object_store<'a>(&'a self, region: &'a str) -> Option<Boxed<'a, Result<ObjectStore, ProvisionError>>> {
        let _ = region;
        None
    }
    /// What a report should say: `postgresql` => `15.18`, `redis` => `7.0.15`, perhaps `object_store` => `minio …`.
    fn facts(&self) -> BTreeMap<String, String>;
    /// Ends everything that it started.
    fn stop(self: Box<Self>) -> Boxed<'static, ()>;
}

/// Something that runs and can be ended. Dropping it ends it, too, as well as a drop can.
pub trait Running: Send + Sync {
    /// Ends it and returns once it is gone.
    fn stop(self: Box<Self>) -> Boxed<'static, ()>;

    /// Ends it for a while, as a crash would.
    fn pause(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async { Err("it cannot be stopped and started again".to_owned()) })
    }

    /// Ends it for a while, and its data for good: when it is started again, it is as if it had never been used.
    fn wipe(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async { Err("it cannot be emptied".to_owned()) })
    }

    /// Starts it again at its old address and returns once it answers.
    fn resume(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async { Err("it cannot be stopped and started again".to_owned()) })
    }
}

/// The PostgreSQL of one stack.
pub struct PostgresServer {
    /// The superuser's way into the maintenance database.
    pub access: PostgresAccess,
    /// How to end it.
    pub running: Box<dyn Running>,
}

/// The Redis of one stack.
pub struct RedisServer {
    /// How to reach it.
    pub access: RedisAccess,
    /// How to end it.
    pub running: Box<dyn Running>,
}

/// What the stacks of a run stand on.
pub struct Servers {
    run: Arc<Run>,
    backend: Backend,
    why: String,
    infrastructure: Box<dyn Infrastructure>,
    /// Ours, where the infrastructure brings none.
    embedded: Option<ObjectStore>,
    object_store: ObjectStoreAccess,
    databases: Arc<Databases>,
    reference: Reference,
    cluster: Option<Cluster>,
    conform: PathBuf,
    compose: OnceCell<Option<Arc<compose::Ground>>>,
}

impl Servers {
    /// Starts PostgreSQL and the S3 store, and meanwhile brings the reference up to date.
    pub async fn start(options: Options) -> Result<Servers, ProvisionError> {
        let run = Run::begin(&options)?;
        let reference = Reference::look(run.clone(), options.conform.clone());
        let (backend, why, infrastructure) = choose(&run, &options).await?;
        let embedded = match infrastructure.object_store() {
            Some(_) => None,
            None => Some(object_store::start(&run, "objects", object_store::REGION).await?),
        };
        let ours = embedded.as_ref().map(|store| &store.access);
        let object_store = ours.or(infrastructure.object_store()).cloned();
        let object_store = object_store.expect("it is ours or the infrastructure's");
        // Many stacks live by it, so no check moves its clock.
        let object_store = ObjectStoreAccess { clock: false, ..object_store };
        let databases = Databases::new(run.clone(), infrastructure.postgres().clone());
        // Waited for here, so that the time of building it is no check's time.
        reference.path().await?;
        Ok(Servers {
            run,
            backend,
            why,
            infrastructure,
            embedded,
            object_store,
            databases: Arc::new(databases),
            reference,
            cluster: options.cluster,
            conform: options.conform,
            compose: OnceCell::new(),
        })
    }

    /// Which backend runs.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// What a report should say about the surroundings, by name.
    pub fn facts(&self) -> BTreeMap<String, String> {
        let mut facts = self.infrastructure.facts();
        facts.insert("backend".into(), self.backend.to_string());
        facts.insert("why".into(), self.why.clone());
        if let Some(store) = &self.embedded {
            facts.insert("object_store".into(), store.description.clone());
        }
        facts
    }

    /// Brings up a stack; may be called concurrently.
    pub async fn stack(&self, spec: &StackSpec) -> Result<Stack, ProvisionError> {
        let ground = Ground {
            run: &self.run,
            infrastructure: &*self.infrastructure,
            databases: &self.databases,
            object_store: &self.object_store,
            reference: self.reference.path().await?,
            source: self.reference.source(),
            cluster: self.cluster.as_ref(),
        };
        Stack::start(ground, spec).await
    }

    /// Brings up the system of the compose file, whatever the backend; nothing where that cannot be done here.
    ///
    /// # Errors
    /// Where a file of it cannot be read or written.
    pub async fn system(
        &self,
        composed: Composed,
        alterations: &[Alteration],
    ) -> Result<Option<System>, ProvisionError> {
        let look = || async {
            let reference = self.reference.path().await?.to_owned();
            let found =
                compose::Ground::look(self.run.clone(), self.reference.source(), reference, self.conform.clone()).await;
            Ok::<_, ProvisionError>(match found {
                Ok(ground) => Some(Arc::new(ground)),
                Err(why) => {
                    self.run.announce(&format!("{why}; features about containers are skipped"));
                    None
                }
            })
        };
        match self.compose.get_or_try_init(look).await? {
            Some(ground) => Ok(Some(System::start(ground.clone(), composed, alterations).await?)),
            None => Ok(None),
        }
    }

    /// Ends everything and removes the run's folder. Stacks are to be stopped before.
    pub async fn stop(self) {
        self.reference.forget();
        self.infrastructure.stop().await;
        if let Some(store) = self.embedded {
            store.running.stop().await;
        }
        let run = self.run;
        // A panic in there would have removed nothing more; the reaper comes next in any case.
        let _ = tokio::task::spawn_blocking(move || run.end()).await;
    }
}

/// The backend, why it was chosen, and what it started.
async fn choose(
    run: &Arc<Run>,
    options: &Options,
) -> Result<(Backend, String, Box<dyn Infrastructure>), ProvisionError> {
    let why_native = match options.choice {
        BackendChoice::Native => "asked for".to_owned(),
        BackendChoice::Docker => {
            let containers = docker::start(run, docker::usable(&options.announce).await?).await?;
            return Ok((Backend::Docker, "asked for".to_owned(), containers));
        }
        BackendChoice::Auto => match docker::usable(&options.announce).await {
            Ok(usable) => match docker::start(run, usable).await {
                Ok(containers) => {
                    let why = "a container engine answers and has the images".to_owned();
                    return Ok((Backend::Docker, why, containers));
                }
                // An engine may be there and yet be forbidden to start anything, or have no room left.
                Err(error) => {
                    let why = format!("a container engine answers, but {}", first_line(&error));
                    run.announce(&format!("{why}; going on without containers"));
                    why
                }
            },
            Err(error) => error.to_string(),
        },
    };
    Ok((Backend::Native, why_native, native::start(run, options).await?))
}

/// An error without the end of a log that may hang on it.
fn first_line(error: &ProvisionError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
