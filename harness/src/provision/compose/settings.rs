//! What the compose file of the reference is told by variables: images, ports, secrets, how often health is checked.

use super::Ground;
use crate::provision::error::ProvisionError;
use crate::provision::{ports::Ports, random};
use crate::target::{Endpoint, ObjectStoreAccess, PostgresAccess, RedisAccess, Secret, Service, Target};
use std::collections::BTreeMap;

/// Between two health checks: a thirtieth of what is usual, so that nobody waits for them.
const HEALTH_INTERVAL: &str = "1s";
/// A failed health check does not count while a container starts, on however busy a machine.
const HEALTH_START_PERIOD: &str = "20s";

/// Ports and secrets of one system.
pub struct Settings {
    ports: BTreeMap<String, u16>,
    postgres_password: Secret,
    store_password: Secret,
    signing_key: Secret,
}

impl Settings {
    /// Free ports and fresh secrets.
    pub fn draw(ports: &Ports) -> Result<Settings, ProvisionError> {
        let of_services = Service::ALL.map(|service| format!("{}_PORT", service.env_prefix()));
        let of_stores = ["POSTGRES_PORT", "REDIS_PORT", "MINIO_PORT", "MINIO_CONSOLE_PORT"].map(str::to_owned);
        let names = of_services.into_iter().chain(of_stores);
        let secret = || Secret::new(random::hex(20));
        Ok(Settings {
            ports: names.map(|name| Ok((name, ports.take()?))).collect::<Result<_, ProvisionError>>()?,
            postgres_password: secret(),
            store_password: secret(),
            signing_key: secret(),
        })
    }

    /// The variables of the compose file.
    pub fn variables(&self, ground: &Ground) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> =
            self.ports.iter().map(|(name, port)| (name.clone(), port.to_string())).collect();
        for (name, value) in [
            ("POSTGRES_DB", "autograph"),
            ("POSTGRES_USER", "autograph"),
            ("POSTGRES_PASSWORD", self.postgres_password.expose()),
            ("MINIO_ROOT_USER", "autograph"),
            ("MINIO_ROOT_PASSWORD", self.store_password.expose()),
            ("JWT_SECRET", self.signing_key.expose()),
            ("HEALTH_INTERVAL", HEALTH_INTERVAL),
            ("HEALTH_START_PERIOD", HEALTH_START_PERIOD),
        ] {
            all.insert(name.to_owned(), value.to_owned());
        }
        let images = &ground.images;
        for (name, image) in [
            ("POSTGRES_IMAGE", &images.postgres),
            ("REDIS_IMAGE", &images.redis),
            ("MINIO_IMAGE", &images.minio),
            ("AUTOGRAPH_IMAGE", &images.services),
        ] {
            all.insert(name.to_owned(), image.to_string());
        }
        all
    }

    /// Where everything is reached from this machine; nothing but addresses.
    pub fn target(&self) -> Target {
        let port = |name: &str| self.ports[name];
        let endpoint = |service: Service| Endpoint {
            base: format!("http://127.0.0.1:{}", port(&format!("{}_PORT", service.env_prefix()))),
            health: service.health_path().to_owned(),
            log: None,
        };
        Target {
            services: Service::ALL.into_iter().map(|service| (service, endpoint(service))).collect(),
            postgres: Some(PostgresAccess {
                host: "127.0.0.1".into(),
                port: port("POSTGRES_PORT"),
                database: "autograph".into(),
                user: "autograph".into(),
                password: self.postgres_password.clone(),
                tls: false,
            }),
            redis: Some(RedisAccess { host: "127.0.0.1".into(), port: port("REDIS_PORT"), password: None, tls: false }),
            object_store: Some(ObjectStoreAccess {
                endpoint: format!("http://127.0.0.1:{}", port("MINIO_PORT")),
                region: crate::provision::object_store::REGION.into(),
                access_key: "autograph".into(),
                secret_key: self.store_password.clone(),
                console: None,
                clock: false,
                user: None,
            }),
            signing_key: Some(self.signing_key.clone()),
            ours: true,
            disposable: true,
            secrets: vec![self.store_password.clone()],
            ..Target::unreachable("reference")
        }
    }
}
