//! The environment that services run in: under which names they reach each other and their stores (feature 13).

use std::fmt;

use super::given::SettingsError;
use crate::service::Service;

/// Where services run, by `ENV`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// On one machine, for those who work on it.
    Local,
    /// In containers on one network.
    Docker,
    /// In a cluster.
    Kubernetes,
}

/// What must be said where strangers can come: there is no default that they could know.
const SECRETS: [&str; 2] = ["JWT_SECRET", "POSTGRES_PASSWORD"];

impl Environment {
    /// By its word; nothing said means local.
    pub(super) fn from_word(word: Option<&str>) -> Result<Environment, SettingsError> {
        match word {
            None | Some("local") => Ok(Environment::Local),
            Some("docker") => Ok(Environment::Docker),
            Some("kubernetes") => Ok(Environment::Kubernetes),
            Some(other) => Err(SettingsError {
                variable: "ENV".to_owned(),
                value: other.to_owned(),
                expected: "local, docker or kubernetes",
            }),
        }
    }

    /// `local`, …
    pub fn word(self) -> &'static str {
        match self {
            Environment::Local => "local",
            Environment::Docker => "docker",
            Environment::Kubernetes => "kubernetes",
        }
    }

    /// Variables without which a service does not start.
    pub(super) fn required(self) -> &'static [&'static str] {
        match self {
            Environment::Local => &[],
            Environment::Docker | Environment::Kubernetes => &SECRETS,
        }
    }

    /// What holds unless something else is said: the names that the network gives to services and stores.
    pub(super) fn defaults(self, namespace: &str) -> Vec<(String, String)> {
        let host = |service: Service| match self {
            Environment::Local => "localhost".to_owned(),
            Environment::Docker => service.name().to_owned(),
            Environment::Kubernetes => format!("{}.{namespace}.svc.cluster.local", service.name()),
        };
        let store = |name: &str| match self {
            Environment::Local => "localhost".to_owned(),
            Environment::Docker => name.to_owned(),
            Environment::Kubernetes => format!("{name}-service"),
        };
        let bind = if self == Environment::Local { "127.0.0.1" } else { "0.0.0.0" };
        let services = Service::all().map(|service| (service.host_variable(), host(service)));
        let stores = ["postgres", "redis", "minio"].map(|name| (format!("{}_HOST", name.to_uppercase()), store(name)));
        services.chain(stores).chain([("BIND_ADDRESS".to_owned(), bind.to_owned())]).collect()
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_environment() {
        let host = |environment: Environment, variable: &str| {
            let defaults = environment.defaults("autograph");
            defaults.into_iter().find(|(name, _)| name == variable).map(|(_, value)| value).unwrap()
        };
        assert_eq!(host(Environment::Docker, "AUTH_SERVICE_HOST"), "auth-service");
        assert_eq!(host(Environment::Kubernetes, "AUTH_SERVICE_HOST"), "auth-service.autograph.svc.cluster.local");
        assert_eq!(host(Environment::Kubernetes, "REDIS_HOST"), "redis-service");
        assert_eq!(host(Environment::Local, "POSTGRES_HOST"), "localhost");
    }

    #[test]
    fn an_unknown_word_is_an_error_that_names_those_that_are_known() {
        let error = Environment::from_word(Some("kubernets")).unwrap_err().to_string();
        assert!(error.contains("kubernets") && error.contains("docker"), "{error}");
    }
}
