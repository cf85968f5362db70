//! The environment that each service of a stack runs in.

use super::alteration::Alteration;
use super::{database, object_store};
use crate::target::{ObjectStoreAccess, PostgresAccess, RedisAccess, Secret, Service};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// What a stack's services must know; the same for all of them.
pub struct Surroundings<'a> {
    /// The stack's database.
    pub postgres: &'a PostgresAccess,
    /// The stack's Redis.
    pub redis: &'a RedisAccess,
    /// The run's S3 store.
    pub object_store: &'a ObjectStoreAccess,
    /// The key of the stack's tokens.
    pub signing_key: &'a Secret,
    /// Where each of the ten services is reached, also those that do not run.
    pub ports: &'a BTreeMap<Service, u16>,
    /// A folder that accounts without rights may pass through, gone with the run.
    pub scratch: &'a Path,
    /// Where backups go.
    pub backups: &'a Path,
}

/// The whole environment of one service that listens on a port; nothing else is inherited.
///
/// The port is its public one unless a proxy stands before it. Settings go before the stack's own, and alterations
/// before both.
pub fn of(
    surroundings: &Surroundings<'_>,
    service: Service,
    port: u16,
    settings: &[(String, String)],
    alterations: &[Alteration],
) -> BTreeMap<String, OsString> {
    let mut variables: BTreeMap<String, OsString> = BTreeMap::new();
    let mut set = |name: &str, value: &str| {
        variables.insert(name.to_owned(), value.into());
    };
    set("AUTOGRAPH_TEST_ENDPOINTS", "1");
    set("BIND_ADDRESS", "127.0.0.1");
    set("LOG_LEVEL", "DEBUG");
    set("JWT_SECRET", surroundings.signing_key.expose());
    for (name, value) in database::variables(surroundings.postgres) {
        set(name, &value);
    }
    set("REDIS_HOST", &surroundings.redis.host);
    set("REDIS_PORT", &surroundings.redis.port.to_string());
    if let Some(password) = &surroundings.redis.password {
        set("REDIS_PASSWORD", password.expose());
    }
    // Neither within the other, for everything in such a folder is a backup of its kind.
    set("BACKUP_DIR", &surroundings.backups.join("database").display().to_string());
    set("MINIO_BACKUP_DIR", &surroundings.backups.join("buckets").display().to_string());
    set("BACKUP_SCRATCH_DIR", &surroundings.scratch.display().to_string());
    for (name, value) in object_store::variables("MINIO", surroundings.object_store) {
        set(&name, &value);
    }
    for (other, public) in surroundings.ports {
        let listens = if *other == service { port } else { *public };
        set(&format!("{}_HOST", other.env_prefix()), "127.0.0.1");
        set(&format!("{}_PORT", other.env_prefix()), &listens.to_string());
    }
    for (name, value) in settings {
        set(name, value);
    }
    for alteration in alterations {
        match *alteration {
            Alteration::Env { service: whose, name, value } if whose == service => set(name, value),
            _ => {}
        }
    }
    for name in ["PATH", "RUST_BACKTRACE"] {
        if let Some(value) = std::env::var_os(name) {
            variables.entry(name.to_owned()).or_insert(value);
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(service: Service, port: u16, alterations: &[Alteration]) -> BTreeMap<String, OsString> {
        let secret = Secret::new("hidden");
        let ports = Service::ALL.into_iter().zip(20_000..).collect();
        let surroundings = Surroundings {
            postgres: &PostgresAccess {
                host: "127.0.0.1".into(),
                port: 5432,
                database: "stack".into(),
                user: "autograph".into(),
                password: secret.clone(),
                tls: false,
            },
            redis: &RedisAccess { host: "127.0.0.1".into(), port: 6379, password: None, tls: false },
            object_store: &ObjectStoreAccess {
                endpoint: "http://127.0.0.1:9000".into(),
                region: "us-east-1".into(),
                access_key: "key".into(),
                secret_key: secret.clone(),
                console: None,
                clock: false,
                user: None,
            },
            signing_key: &secret,
            ports: &ports,
            scratch: Path::new("/dev/shm/run"),
            backups: Path::new("/dev/shm/run/backups"),
        };
        of(&surroundings, service, port, &[], alterations)
    }

    #[test]
    fn a_service_learns_its_own_port_and_the_public_one_of_the_others() {
        let variables = environment(Service::Auth, 31_000, &[]);
        assert_eq!(variables["AUTH_SERVICE_PORT"], "31000");
        assert_eq!(variables["API_GATEWAY_PORT"], "20000");
        assert_eq!(variables["FRONTEND_HOST"], "127.0.0.1");
        assert_eq!(variables["POSTGRES_DB"], "stack");
        assert!(!variables.contains_key("HOME"));
    }

    #[test]
    fn an_altered_variable_reaches_its_service_only() {
        let altered = [Alteration::Env { service: Service::Auth, name: "LOG_LEVEL", value: "ERROR" }];
        assert_eq!(environment(Service::Auth, 1, &altered)["LOG_LEVEL"], "ERROR");
        assert_eq!(environment(Service::Gateway, 1, &altered)["LOG_LEVEL"], "DEBUG");
    }
}
