//! One system of services with a database, a Redis and an S3 store: a target of the harness's own.

use super::alteration::{Alteration, Rewrite};
use super::control::StackControl;
use super::database::Databases;
use super::deployment;
use super::environment::{self, Surroundings};
use super::error::ProvisionError;
use super::parts::{self, Parts};
use super::random;
use super::redis_client;
use super::run::Run;
use super::servers::{Infrastructure, PostgresServer, RedisServer};
use super::services::{Blueprint, Services};
use crate::doubles::{Change, Echo, Requests, RewritingProxy, Rule, Silent};
use crate::target::{
    Cluster, Endpoint, LogSource, ObjectStoreAccess, Own, Part, PostgresAccess, Secret, Service, Target,
};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often other ports are tried when another process takes one before we can use it.
const TRIES: usize = 3;

/// What a stack is to be.
#[derive(Debug, Clone)]
pub struct StackSpec {
    /// Names its folder and its database: `shared`, `f041`. Need not be unique.
    pub name: String,
    /// What it consists of.
    pub own: Own,
    /// In what it differs from a sound one.
    pub alterations: Vec<Alteration>,
    /// The seed of the check that the stack is for; it shows in the name of the folder, so that logs can be told apart.
    pub fresh_seed: u64,
}

/// A running stack. [`Stack::stop`] takes it down in good order; dropping it kills its processes.
pub struct Stack {
    /// What a check gets.
    pub target: Target,
    services: Arc<Services>,
    doubles: Doubles,
    parts: Parts,
    redis: Arc<RedisServer>,
    postgres: Option<Arc<PostgresServer>>,
    backups: PathBuf,
    databases: Arc<Databases>,
    database: PostgresAccess,
}

/// What the harness itself plays in a stack.
#[derive(Default)]
struct Doubles {
    _silent: Vec<Silent>,
    _echoing: Vec<Echo>,
    _proxies: Vec<RewritingProxy>,
}

/// What all stacks of a run share.
pub struct Ground<'a> {
    /// The run.
    pub run: &'a Arc<Run>,
    /// Where Redis comes from.
    pub infrastructure: &'a dyn Infrastructure,
    /// Where databases come from.
    pub databases: &'a Arc<Databases>,
    /// The S3 store.
    pub object_store: &'a ObjectStoreAccess,
    /// The executable of the reference.
    pub reference: &'a Path,
    /// The folder of its source, where it is at hand.
    pub source: Option<PathBuf>,
    /// The cluster to try its manifests in.
    pub cluster: Option<&'a Cluster>,
}

/// What a stack's services are started with.
struct Plan<'a> {
    ground: &'a Ground<'a>,
    spec: &'a StackSpec,
    folder: PathBuf,
    backups: PathBuf,
    postgres: Option<Arc<PostgresServer>>,
    database: PostgresAccess,
    redis: Arc<RedisServer>,
    parts: Parts,
    manifests: Option<PathBuf>,
    signing_key: Secret,
}

impl Stack {
    /// Makes the database and the Redis, then starts the services and waits until all are healthy.
    pub async fn start(ground: Ground<'_>, spec: &StackSpec) -> Result<Stack, ProvisionError> {
        let folder = make_folder(&ground.run.directory, spec)?;
        let statements: Vec<&str> = spec.alterations.iter().filter_map(statement).collect();
        let (postgres, redis) = tokio::try_join!(own_postgres(&ground, spec), ground.infrastructure.redis(&spec.name))?;
        for alteration in &spec.alterations {
            if let Alteration::Redis(words) = alteration {
                redis_client::command(&redis.access, words).await?;
            }
        }
        let databases = match &postgres {
            Some(server) => Arc::new(Databases::new(ground.run.clone(), server.access.clone())),
            None => ground.databases.clone(),
        };
        let database = databases.create(&spec.name, ground.reference, &statements).await?;
        let surroundings = parts::Surroundings {
            run: ground.run,
            infrastructure: ground.infrastructure,
            database: &database,
            store_rules: spec.alterations.iter().filter_map(store_rule).collect(),
        };
        let parts = Parts::start(surroundings, spec.own.parts).await?;
        let (redis, signing_key) = (Arc::new(redis), Secret::new(random::hex(32)));
        let manifests = deployment::manifests(ground.source.as_deref(), &folder, &spec.alterations)?;
        // Not beside the logs: a backup of a whole server is much to write for a moment.
        let backups = ground.run.scratch.join(folder.with_extension("backups").file_name().unwrap_or_default());
        let plan =
            Plan { ground: &ground, spec, folder, backups, postgres, database, redis, parts, manifests, signing_key };
        let mut tries = 1;
        let (services, doubles, ports) = loop {
            match plan.start_services().await {
                Err(ProvisionError::PortTaken { .. }) if tries < TRIES => tries += 1,
                other => break other?,
            }
        };
        Ok(Stack {
            target: plan.target(&services, &ports),
            services,
            doubles,
            parts: plan.parts,
            redis: plan.redis,
            postgres: plan.postgres,
            backups: plan.backups,
            databases,
            database: plan.database,
        })
    }

    /// Ends everything that is the stack's own and drops its database. Its logs stay until the run ends.
    pub async fn stop(self) {
        drop(self.target);
        self.services.end().await;
        drop(self.doubles);
        let redis = async {
            // A check that was cut off may still hold its target; then Redis ends with it.
            if let Some(redis) = Arc::into_inner(self.redis) {
                redis.running.stop().await;
            }
        };
        let database = async {
            match self.postgres {
                None => self.databases.remove(&self.database).await,
                // Its data go with it.
                Some(postgres) => {
                    if let Some(postgres) = Arc::into_inner(postgres) {
                        postgres.running.stop().await;
                    }
                }
            }
        };
        // Most stacks make none; what cannot be removed here goes with the run.
        let backups = tokio::fs::remove_dir_all(&self.backups);
        let _ = tokio::join!(redis, self.parts.stop(), database, backups);
    }
}

/// A PostgreSQL for this stack alone, where it asks for one.
async fn own_postgres(ground: &Ground<'_>, spec: &StackSpec) -> Result<Option<Arc<PostgresServer>>, ProvisionError> {
    if !spec.own.parts.contains(&Part::Postgres) {
        return Ok(None);
    }
    ground.infrastructure.own_postgres(&spec.name).await.map(|server| Some(Arc::new(server)))
}

impl Plan<'_> {
    async fn start_services(&self) -> Result<(Arc<Services>, Doubles, BTreeMap<Service, u16>), ProvisionError> {
        let mut ports = BTreeMap::new();
        for service in Service::ALL {
            ports.insert(service, self.ground.run.ports.take()?);
        }
        let mut doubles = Doubles::default();
        for &service in self.spec.own.silent {
            let port = ports[&service];
            let silent = Silent::on(port).await.map_err(in_use(service, port))?;
            doubles._silent.push(silent);
        }
        for &service in self.spec.own.echoing {
            let port = ports[&service];
            doubles._echoing.push(Echo::on(port).await.map_err(in_use(service, port))?);
        }
        let mut blueprints = BTreeMap::new();
        for &service in self.spec.own.services {
            let public = ports[&service];
            let rules = self.rules(service);
            let port = if rules.is_empty() { public } else { self.ground.run.ports.take()? };
            if port != public {
                let proxy = RewritingProxy::start(public, port, rules).await;
                doubles._proxies.push(proxy.map_err(in_use(service, public))?);
            }
            blueprints.insert(service, self.blueprint(service, port, &ports)?);
        }
        let services = Services::start(self.ground.run.clone(), blueprints, self.secrets()).await?;
        Ok((services, doubles, ports))
    }

    fn blueprint(
        &self,
        service: Service,
        port: u16,
        ports: &BTreeMap<Service, u16>,
    ) -> Result<Blueprint, ProvisionError> {
        let surroundings = Surroundings {
            postgres: &self.database,
            redis: &self.redis.access,
            object_store: self.object_store(),
            signing_key: &self.signing_key,
            ports,
            scratch: &self.ground.run.scratch,
            backups: &self.backups,
        };
        let log = self.log(service);
        std::fs::write(&log, "").map_err(ProvisionError::file("create", &log))?;
        let muted = self.spec.alterations.contains(&Alteration::MuteLog(service));
        Ok(Blueprint {
            executable: self.ground.reference.to_owned(),
            folder: self.folder.clone(),
            environment: environment::of(&surroundings, service, port, &self.settings(service), &self.spec.alterations),
            port,
            log: (!muted).then_some(log),
        })
    }

    /// What the check's surroundings demand beside the stores.
    fn settings(&self, service: Service) -> Vec<(String, String)> {
        let own = self.spec.own.variables.iter().filter(|(whose, ..)| *whose == service);
        let own = own.map(|(_, name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.parts.variables.iter().cloned().chain(own).collect()
    }

    fn log(&self, service: Service) -> PathBuf {
        self.folder.join(format!("{}.log", service.short()))
    }

    /// What a proxy before the service changes.
    fn rules(&self, service: Service) -> Vec<Rule> {
        let rule = |alteration: &Alteration| match *alteration {
            Alteration::RewriteReply { service: whose, path, rewrite } if whose == service => {
                Some(Rule { requests: Requests::Path(path.to_owned()), change: change(rewrite) })
            }
            Alteration::DropHeader { service: whose, header } if whose == service => {
                Some(Rule { requests: Requests::All, change: Change::DropHeader(header.to_owned()) })
            }
            _ => None,
        };
        self.spec.alterations.iter().filter_map(rule).collect()
    }

    fn secrets(&self) -> Vec<Secret> {
        let mut secrets =
            vec![self.signing_key.clone(), self.database.password.clone(), self.object_store().secret_key.clone()];
        secrets.extend(self.redis.access.password.clone());
        secrets.extend(self.parts.second_object_store.iter().map(|store| store.access.secret_key.clone()));
        secrets
    }

    /// What it asked for, without what the machine does not have.
    fn parts_there(&self) -> Vec<Part> {
        let has = |part: &Part| *part != Part::PostgresTools || self.ground.infrastructure.has_postgres_tools();
        self.spec.own.parts.iter().copied().filter(has).collect()
    }

    fn object_store(&self) -> &ObjectStoreAccess {
        self.parts.object_store.as_ref().map_or(self.ground.object_store, |own| &own.access)
    }

    fn control(&self, services: &Arc<Services>) -> StackControl {
        StackControl {
            run: self.ground.run.clone(),
            services: services.clone(),
            redis: self.redis.clone(),
            postgres: self.postgres.clone(),
            object_store: self.parts.object_store.clone(),
            database: self.database.clone(),
            reference: self.ground.reference.to_owned(),
            folder: self.folder.clone(),
        }
    }

    fn target(&self, services: &Arc<Services>, ports: &BTreeMap<Service, u16>) -> Target {
        let endpoint = |service: Service| Endpoint {
            base: format!("http://127.0.0.1:{}", ports[&service]),
            health: service.health_path().to_owned(),
            log: Some(LogSource::File(self.log(service))),
        };
        let running = self.spec.own.services.iter();
        Target {
            services: running.map(|&service| (service, endpoint(service))).collect(),
            silent: self.spec.own.silent.to_vec(),
            echoing: self.spec.own.echoing.to_vec(),
            parts: self.parts_there(),
            inboxes: self.parts.inboxes.clone(),
            postgres_relay: self.parts.postgres_relay.clone(),
            postgres: Some(self.database.clone()),
            redis: Some(self.redis.access.clone()),
            object_store: Some(self.object_store().clone()),
            second_object_store: self.parts.second_object_store.as_ref().map(|second| second.access.clone()),
            signing_key: Some(self.signing_key.clone()),
            test_endpoints: true,
            clock: true,
            ours: true,
            disposable: true,
            forwarded_for: true,
            control: Some(Arc::new(self.control(services))),
            source: self.ground.source.clone().filter(|source| is_under_version_control(source)),
            manifests: self.manifests.clone(),
            cluster: self.ground.cluster.cloned(),
            secrets: self.secrets(),
            ..Target::unreachable("reference")
        }
    }
}

/// A folder of its own in the run's; stacks of the same name are numbered.
fn make_folder(run: &Path, spec: &StackSpec) -> Result<PathBuf, ProvisionError> {
    let plain = |letter: char| {
        if letter.is_ascii_alphanumeric() { letter } else { '-' }
    };
    let name: String = spec.name.chars().map(plain).collect();
    let mut folder = run.join(format!("stack-{name}-{:x}", spec.fresh_seed));
    let mut number = 1;
    loop {
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number += 1;
                folder = run.join(format!("stack-{name}-{:x}-{number}", spec.fresh_seed));
            }
            Err(error) => return Err(ProvisionError::file("create", folder)(error)),
        }
    }
}

/// A repository, or a worktree of one, has an entry of this name at its root.
fn is_under_version_control(folder: &Path) -> bool {
    folder.ancestors().any(|folder| folder.join(".git").exists())
}

fn statement(alteration: &Alteration) -> Option<&'static str> {
    match *alteration {
        Alteration::Sql(statement) => Some(statement),
        _ => None,
    }
}

/// What a proxy before the object store changes.
fn store_rule(alteration: &Alteration) -> Option<Rule> {
    match *alteration {
        Alteration::RewriteStoreReply { path, method, status, rewrite } => Some(Rule {
            requests: Requests::Below { path: path.to_owned(), method: method.to_owned(), status },
            change: change(rewrite),
        }),
        _ => None,
    }
}

fn change(rewrite: Rewrite) -> Change {
    match rewrite {
        Rewrite::Status(status) => Change::Status(status),
        Rewrite::Text { from, to } => Change::Text { from: from.to_owned(), to: to.to_owned() },
    }
}

fn in_use(service: Service, port: u16) -> impl FnOnce(io::Error) -> ProvisionError {
    move |error| match error.kind() {
        io::ErrorKind::AddrInUse => ProvisionError::PortTaken { service, port },
        _ => ProvisionError::system(format!("listen in place of {service}"))(error),
    }
}
