//! The thirteen that AutoGraph consists of: ten services and the three stores they stand on.

use crate::config::Settings;
use crate::service::Service;
use crate::telemetry::calls;

/// One of the thirteen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    /// A service of ours.
    Service(Service),
    /// The relational store.
    Postgres,
    /// The key-value store.
    Redis,
    /// The object store.
    ObjectStore,
}

impl Node {
    /// All thirteen, from the outside to the inside.
    pub fn all() -> impl Iterator<Item = Node> {
        let behind = Service::all().filter(|service| *service != Service::Frontend).map(Node::Service);
        let stores = [Node::Postgres, Node::Redis, Node::ObjectStore];
        std::iter::once(Node::Service(Service::Frontend)).chain(behind).chain(stores)
    }

    /// `auth-service`, `postgres`, …
    pub fn id(self) -> &'static str {
        match self {
            Node::Service(service) => service.name(),
            Node::Postgres => calls::POSTGRES,
            Node::Redis => calls::REDIS,
            Node::ObjectStore => calls::OBJECT_STORE,
        }
    }

    /// As people call it.
    pub fn name(self) -> String {
        match self {
            Node::Service(service) => {
                let words = service.name().split('-').map(|word| match word {
                    "api" | "ai" | "svg" => word.to_uppercase(),
                    word => word[..1].to_uppercase() + &word[1..],
                });
                words.collect::<Vec<_>>().join(" ")
            }
            Node::Postgres => "PostgreSQL".to_owned(),
            Node::Redis => "Redis".to_owned(),
            Node::ObjectStore => "MinIO".to_owned(),
        }
    }

    /// What part it plays.
    pub fn kind(self) -> &'static str {
        match self {
            Node::Service(Service::Frontend) => "application",
            Node::Service(Service::Gateway) => "gateway",
            Node::Service(_) => "microservice",
            Node::Postgres | Node::Redis | Node::ObjectStore => "infrastructure",
        }
    }

    /// The port it listens on, if its address tells one.
    pub fn port(self, settings: &Settings) -> Option<u16> {
        match self {
            Node::Service(service) => Some(settings.place(service).port),
            Node::Postgres => Some(settings.postgres.port),
            Node::Redis => Some(settings.redis.port),
            Node::ObjectStore => url::Url::parse(&settings.object_store.main.endpoint).ok()?.port_or_known_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_thirteen_and_people_have_names_for_them() {
        assert_eq!(Node::all().count(), 13);
        assert_eq!(Node::Service(Service::Gateway).name(), "API Gateway");
        assert_eq!(Node::Service(Service::Integration).name(), "Integration Hub");
    }
}
