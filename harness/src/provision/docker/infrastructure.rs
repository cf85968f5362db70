//! The servers of a run, in containers: one PostgreSQL, one MinIO where there is an image, and a Redis a stack.

use super::containers::{Container, Containers, MEMORY, Plan};
use super::images::{Image, Images};
use super::{leftovers, questions};
use crate::provision::error::ProvisionError;
use crate::provision::object_store::{REGION, make_buckets};
use crate::provision::random;
use crate::provision::servers::{Infrastructure, RedisServer, Running};
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
    redis_image: Image,
    /// Started with PostgreSQL, which takes longer anyway; the first stack gets it.
    spare: Mutex<Option<RedisServer>>,
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
            start_minio(&containers, images.minio.as_ref().ok()),
        )?;
        let mut facts = BTreeMap::from([
            ("engine".to_owned(), format!("docker {}", containers.engine.version)),
            ("postgresql".to_owned(), postgres.version),
            ("postgresql_image".to_owned(), images.postgres.to_string()),
            ("redis".to_owned(), redis.version),
            ("redis_image".to_owned(), images.redis.to_string()),
        ]);
        let mut running = vec![postgres.container];
        let mut object_store = None;
        match (minio, images.minio) {
            (Some((container, access)), Ok(image)) => {
                facts.insert("object_store".into(), format!("minio ({image})"));
                running.push(container);
                object_store = Some(access);
            }
            (_, Err(why)) => {
                facts.insert("object_store_why".into(), why);
            }
            (None, Ok(_)) => {}
        }
        Ok(Docker {
            containers,
            postgres: postgres.access,
            redis_image: images.redis,
            spare: Mutex::new(Some(redis.server)),
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

    fn object_store(&self) -> Option<&ObjectStoreAccess> {
        self.object_store.as_ref()
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

struct Postgres {
    container: Container,
    access: PostgresAccess,
    version: String,
}

async fn start_postgres(containers: &Containers, image: &Image) -> Result<Postgres, ProvisionError> {
    let user = "autograph";
    let password = Secret::new(random::hex(16));
    let container = containers
        .start(Plan {
            image,
            port: 5432,
            variables: vec![
                ("POSTGRES_USER", user.into()),
                ("POSTGRES_PASSWORD", password.expose().into()),
                ("POSTGRES_DB", "postgres".into()),
                ("POSTGRES_INITDB_ARGS", "--no-sync --encoding=UTF8 --locale=C".into()),
                ("PGDATA", format!("{MEMORY}/data")),
            ],
            arguments: POSTGRES_SETTINGS.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]).collect(),
        })
        .await?;
    let access = PostgresAccess {
        host: container.host.clone(),
        port: container.port,
        database: "postgres".into(),
        user: user.into(),
        password,
    };
    let version = container.ready(|| questions::postgres_version(&access)).await?;
    Ok(Postgres { container, access, version })
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
        })
        .await?;
    let access = RedisAccess { host: container.host.clone(), port: container.port, password: None };
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
            let access = RedisAccess { host: self.host.clone(), port: self.port, password: None };
            self.ready(|| questions::redis_version(&access)).await.map_err(|error| error.to_string())?;
            Ok(())
        })
    }
}

async fn start_minio(
    containers: &Containers,
    image: Option<&Image>,
) -> Result<Option<(Container, ObjectStoreAccess)>, ProvisionError> {
    let Some(image) = image else {
        return Ok(None);
    };
    let (access_key, secret_key) = (random::hex(10), Secret::new(random::hex(20)));
    let container = containers
        .start(Plan {
            image,
            port: 9000,
            variables: vec![
                ("MINIO_ROOT_USER", access_key.clone()),
                ("MINIO_ROOT_PASSWORD", secret_key.expose().into()),
            ],
            arguments: vec!["server".into(), format!("{MEMORY}/data")],
        })
        .await?;
    let access = ObjectStoreAccess {
        endpoint: format!("http://{}:{}", container.host, container.port),
        region: REGION.into(),
        access_key,
        secret_key,
    };
    make_buckets(&access).await?;
    Ok(Some((container, access)))
}
