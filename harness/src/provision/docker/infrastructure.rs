//! The servers of a run, in containers: one PostgreSQL, one MinIO where there is an image, and a Redis a stack.

use super::containers::{Container, Containers, MEMORY, Plan};
use super::images::{Image, Images};
use super::postgres::{self, Postgres, Wanted};
use super::{leftovers, own_postgres, questions};
use crate::provision::error::ProvisionError;
use crate::provision::native::programs::has_tools_of;
use crate::provision::object_store::{ObjectStore, REGION, until_ready};
use crate::provision::random;
use crate::provision::servers::{Infrastructure, PostgresServer, RedisServer, Running};
use crate::target::{Boxed, ObjectStoreAccess, PostgresAccess, RedisAccess, Secret};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// What makes PostgreSQL fast where its data need not outlive it.
const POSTGRES_SETTINGS: [&str; 9] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "shared_buffers=32MB",
    "max_connections=300",
    "jit=off",
];

/// The docker backend at work.
pub struct Docker {
    containers: Arc<Containers>,
    postgres: PostgresAccess,
    postgres_image: Image,
    has_tools: bool,
    redis_image: Image,
    /// Started with PostgreSQL, which takes longer anyway; the first stack gets it.
    spare: Mutex<Option<RedisServer>>,
    minio_image: Option<Image>,
    object_store: Option<ObjectStoreAccess>,
    running: Vec<Container>,
    facts: BTreeMap<String, String>,
}

impl Docker {
    /// Starts the servers side by side and returns once each has answered.
    pub async fn start(containers: Arc<Containers>, images: Images) -> Result<Docker, ProvisionError> {
        let (postgres, redis, minio) = tokio::try_join!(
            start_postgres(&containers, &images.postgres),
            start_redis(&containers, &images.redis),
            async {
                match &images.minio {
                    Ok(image) => start_minio(&containers, image, REGION).await.map(Some),
                    Err(_) => Ok(None),
                }
            },
        )?;
        let mut facts = BTreeMap::from([
            ("engine".to_owned(), format!("docker {}", containers.engine.version)),
            ("postgresql".to_owned(), postgres.version.clone()),
            ("postgresql_image".to_owned(), images.postgres.to_string()),
            ("redis".to_owned(), redis.version),
            ("redis_image".to_owned(), images.redis.to_string()),
        ]);
        let mut running = vec![postgres.container];
        let mut object_store = None;
        match (minio, &images.minio) {
            (Some((container, access)), Ok(image)) => {
                facts.insert("object_store".into(), format!("minio ({image})"));
                running.push(container);
                object_store = Some(access);
            }
            (_, Err(why)) => {
                facts.insert("object_store_why".into(), why.clone());
            }
            (None, Ok(_)) => {}
        }
        Ok(Docker {
            containers,
            postgres: postgres.access,
            postgres_image: images.postgres,
            // Services run on this machine, not in the container.
            has_tools: has_tools_of(&postgres.version),
            redis_image: images.redis,
            spare: Mutex::new(Some(redis.server)),
            minio_image: images.minio.ok(),
            object_store,
            running,
            facts,
        })
    }
}

impl Infrastructure for Docker {
    fn postgres(&self) -> &PostgresAccess {
        &self.postgres
    }

    fn redis<'a>(&'a self, _stack: &'a str) -> Boxed<'a, Result<RedisServer, ProvisionError>> {
        Box::pin(async move {
            if let Some(spare) = self.spare.lock().await.take() {
                return Ok(spare);
            }
            Ok(start_redis(&self.containers, &self.redis_image).await?.server)
        })
    }

    fn own_postgres<'a>(&'a self, _stack: &'a str) -> Boxed<'a, Result<PostgresServer, ProvisionError>> {
        Box::pin(own_postgres::start(self.containers.clone(), self.postgres_image.clone()))
    }

    fn has_postgres_tools(&self) -> bool {
        self.has_tools
    }

    fn object_store(&self) -> Option<&ObjectStoreAccess> {
        self.object_store.as_ref()
    }

    fn own_object_store<'a>(&'a self, region: &'a str) -> Option<Boxed<'a, Result<ObjectStore, ProvisionError>>> {
        let image = self.minio_image.as_ref()?;
        Some(Box::pin(async move {
            let (container, access) = start_minio(&self.containers, image, region).await?;
            Ok(ObjectStore { access, description: format!("minio ({image})"), running: Box::new(container) })
        }))
    }

    fn facts(&self) -> BTreeMap<String, String> {
        self.facts.clone()
    }

    fn stop(self: Box<Self>) -> Boxed<'static, ()> {
        Box::pin(async move {
            for container in self.running {
                container.remove().await;
            }
            if let Some(spare) = self.spare.into_inner() {
                spare.running.stop().await;
            }
            leftovers::remove_run(self.containers.run_id()).await;
        })
    }
}

async fn start_postgres(containers: &Containers, image: &Image) -> Result<Postgres, ProvisionError> {
    let wanted = Wanted { password: Secret::new(random::hex(16)), data: Some(format!("{MEMORY}/data")), at: None };
    postgres::start(containers, image, &wanted, &POSTGRES_SETTINGS).await
}

struct Redis {
    server: RedisServer,
    version: String,
}

async fn start_redis(containers: &Containers, image: &Image) -> Result<Redis, ProvisionError> {
    let container = containers
        .start(Plan {
            image,
            port: 6379,
            variables: Vec::new(),
            arguments: ["redis-server", "--save", "", "--appendonly", "no"].map(str::to_owned).to_vec(),
            at: None,
        })
        .await?;
    let access = RedisAccess { host: container.host.clone(), port: container.port, password: None, tls: false };
    let version = container.ready(|| questions::redis_version(&access)).await?;
    Ok(Redis { server: RedisServer { access, running: Box::new(container) }, version })
}

impl Running for Container {
    fn stop(self: Box<Self>) -> Boxed<'static, ()> {
        Box::pin(self.remove())
    }

    fn pause(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(self.halt())
    }

    fn resume(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async {
            self.go_on().await?;
            let access = RedisAccess { host: self.host.clone(), port: self.port, password: None, tls: false };
            self.ready(|| questions::redis_version(&access)).await.map_err(|error| error.to_string())?;
            Ok(())
        })
    }
}

async fn start_minio(
    containers: &Containers,
    image: &Image,
    region: &str,
) -> Result<(Container, ObjectStoreAccess), ProvisionError> {
    let (access_key, secret_key) = (random::hex(10), Secret::new(random::hex(20)));
    let container = containers
        .start(Plan {
            image,
            port: 9000,
            variables: vec![
                ("MINIO_ROOT_USER", access_key.clone()),
                ("MINIO_ROOT_PASSWORD", secret_key.expose().into()),
                ("MINIO_REGION", region.into()),
            ],
            arguments: vec!["server".into(), format!("{MEMORY}/data")],
            at: None,
        })
        .await?;
    let access = ObjectStoreAccess {
        endpoint: format!("http://{}:{}", container.host, container.port),
        region: region.into(),
        access_key,
        secret_key,
        console: None,
        clock: false,
        user: None,
    };
    until_ready(&access).await?;
    Ok((container, access))
}
