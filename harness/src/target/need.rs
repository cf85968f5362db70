//! What a check may ask a target to have.

use super::{Part, Power, Server, Service};
use std::time::Duration;

/// Something without which a check, or some of its steps, cannot be decided. A target that lacks it gets `skip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// The service's own address.
    Address(Service),
    /// The service's log.
    Log(Service),
    /// Access to PostgreSQL.
    Sql,
    /// Leave to write to PostgreSQL; whoever has access has it, unless it is forbidden.
    DatabaseWrites,
    /// Leave to ask for a path that the owner of the target forbids.
    ForbiddenPath,
    /// Access to Redis.
    Redis,
    /// Access to the S3 store.
    ObjectStore,
    /// Time can be let pass for the S3 store without waiting.
    StoreClock,
    /// The console of the S3 store.
    StoreConsole,
    /// A user of the S3 store beside its owner.
    StoreUser,
    /// Services can be stopped and started.
    Control,
    /// The target's source, under version control.
    Source,
    /// Time can be let pass without waiting.
    Clock,
    /// Leave to speak for other client addresses, by `X-Forwarded-For`.
    Addresses,
    /// The probes under `/test/` (contract, section 3.9).
    TestEndpoints,
    /// A user who is there already, to sign in as.
    Account,
    /// The key that tokens are signed with, so that tokens can be forged.
    SigningKey,
    /// A stack that may be disturbed: schema changed, memory filled.
    Disposable,
    /// A service played by a listener that never answers.
    Silent(Service),
    /// A service played by a listener that tells what reached it.
    Echo(Service),
    /// Containers that a compose file has brought up, on an engine of this machine.
    Containers,
    /// A folder of Kubernetes manifests.
    Manifests,
    /// A Kubernetes cluster to try them in.
    Cluster,
    /// Metrics of the pods in that cluster, which only a look at it tells of.
    ClusterMetrics,
    /// This part around the services.
    Part(Part),
    /// Callers who say which service they are (`docs/monitoring.md`), which only calls show.
    NamedCallers,
    /// Queries that may run longer than a caller waits for a connection, which only a load shows.
    LongQueries,
    /// Memory that is held until it is collected (`docs/monitoring.md`), which only asking for it shows.
    HeldMemory,
    /// Base and incremental backups by `backup_type` (`docs/backup.md`), which only asking for one shows.
    KindsOfBackups,
    /// Edges of the dependency map that count their calls, which only calls show.
    CountedCalls,
    /// The same work done in a dear way and a cheap one (`docs/monitoring.md`), which only asking for it shows.
    TwoWays,
    /// Power to do this to the target.
    Power(Power),
    /// Leave to wait this long in earnest (`--patience`).
    Patience(Duration),
}

impl Need {
    /// Every need that a target can have; patience is the run's.
    pub fn all() -> Vec<Need> {
        let of_services = Service::ALL.into_iter().flat_map(|service| {
            [Need::Address(service), Need::Log(service), Need::Silent(service), Need::Echo(service)]
        });
        let others = [
            Need::Sql,
            Need::Redis,
            Need::ObjectStore,
            Need::StoreClock,
            Need::StoreConsole,
            Need::StoreUser,
            Need::Control,
            Need::Source,
            Need::Clock,
            Need::Addresses,
            Need::TestEndpoints,
            Need::Account,
            Need::SigningKey,
            Need::Disposable,
            Need::Containers,
            Need::Manifests,
            Need::Cluster,
        ];
        let parts = [
            Part::ObjectStore,
            Part::SecondObjectStore,
            Part::Postgres,
            Part::PostgresTools,
            Part::PostgresRelay,
            Part::ErrorTracker,
            Part::Mail,
            Part::Chat,
        ];
        let servers = [Server::Postgres, Server::Redis, Server::ObjectStore].map(Power::Over);
        let powers = [Power::Configure, Power::Signal, Power::Migrate].into_iter().chain(servers);
        of_services.chain(others).chain(parts.map(Need::Part)).chain(powers.map(Need::Power)).collect()
    }
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Need::Address(service) => write!(f, "address of {service}"),
            Need::Log(service) => write!(f, "log of {service}"),
            Need::Sql => f.write_str("access to PostgreSQL"),
            Need::DatabaseWrites => f.write_str("leave to write to the database"),
            Need::ForbiddenPath => f.write_str("leave to ask for a path that is forbidden here"),
            Need::Redis => f.write_str("access to Redis"),
            Need::ObjectStore => f.write_str("access to the S3 store"),
            Need::StoreClock => f.write_str("test clock of the S3 store"),
            Need::StoreConsole => f.write_str("console of the S3 store"),
            Need::StoreUser => f.write_str("user of the S3 store beside its owner"),
            Need::Source => f.write_str("source under version control"),
            Need::Control => f.write_str("power to stop and start services"),
            Need::Clock => f.write_str("test clock"),
            Need::Addresses => f.write_str("leave to speak for other client addresses"),
            Need::TestEndpoints => f.write_str("test endpoints"),
            Need::Account => f.write_str("account to sign in with"),
            Need::SigningKey => f.write_str("signing key of tokens"),
            Need::Disposable => f.write_str("stack that may be disturbed"),
            Need::Silent(service) => write!(f, "silent stand-in for {service}"),
            Need::Echo(service) => write!(f, "stand-in for {service} that tells what reached it"),
            Need::Containers => f.write_str("containers from the compose file"),
            Need::Manifests => f.write_str("Kubernetes manifests"),
            Need::Cluster => f.write_str("Kubernetes cluster"),
            Need::ClusterMetrics => f.write_str("metrics server in the Kubernetes cluster"),
            Need::NamedCallers => f.write_str("callers who name themselves by X-Service-Name (docs/monitoring.md)"),
            Need::LongQueries => f.write_str("queries that run longer than a caller waits for a connection"),
            Need::HeldMemory => f.write_str("memory that is held until it is collected (docs/monitoring.md)"),
            Need::KindsOfBackups => f.write_str("base and incremental backups by backup_type (docs/backup.md)"),
            Need::CountedCalls => f.write_str("edges of the dependency map that count their calls"),
            Need::TwoWays => f.write_str("the same work in a dear way and a cheap one (docs/monitoring.md)"),
            Need::Part(part) => part.fmt(f),
            Need::Power(power) => power.fmt(f),
            Need::Patience(wait) => write!(f, "patience {} s", wait.as_secs_f64().ceil()),
        }
    }
}
