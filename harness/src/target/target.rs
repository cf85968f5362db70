//! Addresses and handles of one running system.

use super::{Accounts, Cluster, Containers, Control, Forbidden, HouseRules, Inbox, Need, Part, Relay, Secret, Service};
use crate::wire::Trust;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A running system: where its parts are, and what may be done to them.
#[derive(Clone)]
pub struct Target {
    /// What reports call it: `reference`, or the name in the target file.
    pub name: String,
    /// The services that can be reached, by service.
    pub services: BTreeMap<Service, Endpoint>,
    /// Services that a silent listener plays; they have no entry in `services`.
    pub silent: Vec<Service>,
    /// Services that a listener plays which tells what reached it; they have no entry in `services` either.
    pub echoing: Vec<Service>,
    /// What else stands around the services.
    pub parts: Vec<Part>,
    /// What the doubles among the parts have received.
    pub inboxes: BTreeMap<Part, Inbox>,
    /// The relay before PostgreSQL, where there is one.
    pub postgres_relay: Option<Relay>,
    /// The database, where the harness may look into it.
    pub postgres: Option<PostgresAccess>,
    /// The Redis, where the harness may look into it.
    pub redis: Option<RedisAccess>,
    /// The S3 store, where the harness may look into it.
    pub object_store: Option<ObjectStoreAccess>,
    /// A second S3 store, in another region.
    pub second_object_store: Option<ObjectStoreAccess>,
    /// The HS256 key of the target's tokens.
    pub signing_key: Option<Secret>,
    /// Whether the probes under `/test/` answer.
    pub test_endpoints: bool,
    /// Whether services have the test clock (`/test/clock`, `/test/clock/advance`).
    pub clock: bool,
    /// Whether the harness itself has brought it up; what somebody else started may be anything, and send anything.
    pub ours: bool,
    /// Whether it may be disturbed: its memory filled, its schema changed, its clock moved.
    pub disposable: bool,
    /// Whether the target believes `X-Forwarded-For` from us, so that each check can have an address of its own.
    pub forwarded_for: bool,
    /// Whose certificates are believed where it speaks TLS.
    pub trust: Trust,
    /// Power over the processes.
    pub control: Option<Arc<dyn Control>>,
    /// A folder of the target's source that is under version control.
    pub source: Option<PathBuf>,
    /// Power over the containers that a compose file has brought up.
    pub containers: Option<Arc<dyn Containers>>,
    /// The folder of Kubernetes manifests.
    pub manifests: Option<PathBuf>,
    /// A cluster to try them in.
    pub cluster: Option<Cluster>,
    /// Users who are there already, for checks to sign in as.
    pub accounts: Accounts,
    /// What its owner asks of guests.
    pub rules: HouseRules,
    /// Everything else that must never be shown: passwords and keys of the harness's own.
    pub secrets: Vec<Secret>,
}

/// Where a service answers and where its log is.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Base URL without a trailing slash: `http://127.0.0.1:8085`, perhaps `https`, perhaps with a path prefix.
    pub base: String,
    /// Path of the health route, from the base.
    pub health: String,
    /// Where its log can be read.
    pub log: Option<LogSource>,
}

/// Where a log can be read.
#[derive(Debug, Clone)]
pub enum LogSource {
    /// A file that grows.
    File(PathBuf),
    /// A command that prints the whole log so far, program first.
    Command(Vec<String>),
}

/// How to reach PostgreSQL.
#[derive(Debug, Clone)]
pub struct PostgresAccess {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database.
    pub database: String,
    /// User.
    pub user: String,
    /// Password, empty where none is asked.
    pub password: Secret,
    /// Whether it is reached within TLS.
    pub tls: bool,
}

/// How to reach Redis.
#[derive(Debug, Clone)]
pub struct RedisAccess {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Password, where one is asked.
    pub password: Option<Secret>,
    /// Whether it is reached within TLS.
    pub tls: bool,
}

/// How to reach the S3 store.
#[derive(Debug, Clone)]
pub struct ObjectStoreAccess {
    /// `http://127.0.0.1:9000`.
    pub endpoint: String,
    /// Region of the signatures, `us-east-1` by default.
    pub region: String,
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: Secret,
    /// Where its console answers, if it has one.
    pub console: Option<String>,
    /// Whether it has a clock of its own that may be moved (`/test/clock`, `/test/clock/advance`).
    pub clock: bool,
    /// A user beside the owner.
    pub user: Option<StoreUser>,
}

/// A user of an S3 store, whom a policy lets read what is below `granted/` in buckets whose names begin with
/// `conform-`, and nothing else.
#[derive(Debug, Clone)]
pub struct StoreUser {
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: Secret,
}

impl Target {
    /// A target of which nothing can be reached: where others begin.
    pub fn unreachable(name: impl Into<String>) -> Target {
        Target {
            name: name.into(),
            services: BTreeMap::new(),
            silent: Vec::new(),
            echoing: Vec::new(),
            parts: Vec::new(),
            inboxes: BTreeMap::new(),
            postgres_relay: None,
            trust: Trust::in_nobody(),
            postgres: None,
            redis: None,
            object_store: None,
            second_object_store: None,
            signing_key: None,
            test_endpoints: false,
            clock: false,
            ours: false,
            disposable: false,
            forwarded_for: false,
            control: None,
            containers: None,
            manifests: None,
            cluster: None,
            source: None,
            accounts: Accounts::default(),
            rules: HouseRules::default(),
            secrets: Vec::new(),
        }
    }

    /// Whether the target has what is needed; patience is the run's and not the target's, and is never here.
    pub fn has(&self, need: Need) -> bool {
        match need {
            Need::Address(service) => self.services.contains_key(&service),
            Need::Log(service) => self.services.get(&service).is_some_and(|endpoint| endpoint.log.is_some()),
            Need::Sql => self.postgres.is_some(),
            Need::Redis => self.redis.is_some(),
            Need::ObjectStore => self.object_store.is_some(),
            Need::StoreClock => self.object_store.as_ref().is_some_and(|store| store.clock),
            Need::StoreConsole => self.object_store.as_ref().is_some_and(|store| store.console.is_some()),
            Need::StoreUser => self.object_store.as_ref().is_some_and(|store| store.user.is_some()),
            Need::Control => self.control.is_some() && !self.forbids(&Forbidden::Control),
            Need::DatabaseWrites => self.postgres.is_some() && !self.forbids(&Forbidden::DatabaseWrites),
            Need::Source => self.source.is_some(),
            Need::Clock => self.clock,
            Need::Addresses => self.forwarded_for,
            Need::TestEndpoints => self.test_endpoints,
            Need::SigningKey => self.signing_key.is_some(),
            Need::Disposable => self.disposable,
            Need::Silent(service) => self.silent.contains(&service),
            Need::Echo(service) => self.echoing.contains(&service),
            Need::Containers => self.containers.is_some(),
            Need::Manifests => self.manifests.is_some(),
            Need::Part(part) => self.parts.contains(&part),
            Need::Power(power) => {
                let granted = self.control.as_ref().is_some_and(|control| control.grants(power));
                granted && !self.forbids(&Forbidden::Control)
            }
            Need::Account => !self.accounts.all().is_empty(),
            Need::Cluster => self.cluster.is_some(),
            Need::ForbiddenPath
            | Need::ClusterMetrics
            | Need::NamedCallers
            | Need::LongQueries
            | Need::HeldMemory
            | Need::KindsOfBackups
            | Need::CountedCalls
            | Need::TwoWays
            | Need::Patience(_) => false,
        }
    }

    /// Whether its owner forbids this.
    pub fn forbids(&self, what: &Forbidden) -> bool {
        self.rules.forbidden.contains(what)
    }

    /// Every value that must not be shown, wherever it stands.
    pub fn all_secrets(&self) -> Vec<Secret> {
        let mut all = self.secrets.clone();
        all.extend(self.signing_key.clone());
        all.extend(self.postgres.iter().map(|access| access.password.clone()));
        all.extend(self.redis.iter().filter_map(|access| access.password.clone()));
        all.extend(self.accounts.all().iter().map(|account| account.password.clone()));
        for store in self.object_store.iter().chain(&self.second_object_store) {
            all.push(store.secret_key.clone());
            all.extend(store.user.iter().map(|user| user.secret_key.clone()));
        }
        all.retain(|secret| !secret.expose().is_empty());
        all
    }
}
