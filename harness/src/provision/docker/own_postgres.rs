//! A PostgreSQL of a check's own in a container: it hands out its log of changes, and can be stopped, emptied and
//! started again.

use super::containers::{Container, Containers};
use super::images::Image;
use super::postgres::{self, Postgres, Wanted};
use super::questions;
use crate::provision::database::connect;
use crate::provision::error::ProvisionError;
use crate::provision::random;
use crate::provision::servers::{PostgresServer, Running};
use crate::target::{Boxed, PostgresAccess, Secret};
use sqlx::Connection;
use std::sync::Arc;
use tokio::sync::Mutex;

/// What was acknowledged survives a crash of the server, if not of the machine, and changes can be followed.
const SETTINGS: [&str; 6] = [
    "fsync=off",
    "autovacuum=off",
    "wal_level=replica",
    "max_wal_senders=10",
    "shared_buffers=32MB",
    "max_connections=100",
];

/// Lets others follow the changes: the images let only their own machine.
const LET_IN: &str = "copy (select 'host replication all all scram-sha-256') to program 'cat >> pg_hba.conf'";

/// Starts it and returns once it has answered.
pub async fn start(containers: Arc<Containers>, image: Image) -> Result<PostgresServer, ProvisionError> {
    // Its data lie where the image has them, which outlives a stop; the folder in memory would not.
    let wanted = Wanted { password: Secret::new(random::hex(24)), data: None, at: None };
    let (container, access) = launch(&containers, &image, &wanted).await?;
    let wanted = Wanted { at: Some(access.port), ..wanted };
    let own = OwnPostgres { containers, image, wanted, access: access.clone(), container: Mutex::new(Some(container)) };
    Ok(PostgresServer { access, running: Box::new(own) })
}

async fn launch(
    containers: &Containers,
    image: &Image,
    wanted: &Wanted,
) -> Result<(Container, PostgresAccess), ProvisionError> {
    let Postgres { container, access, .. } = postgres::start(containers, image, wanted, &SETTINGS).await?;
    let work = async {
        let mut connection = connect(&access).await?;
        sqlx::raw_sql(LET_IN).execute(&mut connection).await?;
        sqlx::raw_sql("select pg_reload_conf()").execute(&mut connection).await?;
        connection.close().await
    };
    work.await.map_err(ProvisionError::database("let others follow its changes"))?;
    Ok((container, access))
}

struct OwnPostgres {
    containers: Arc<Containers>,
    image: Image,
    wanted: Wanted,
    access: PostgresAccess,
    container: Mutex<Option<Container>>,
}

impl OwnPostgres {
    async fn go_on(&self) -> Result<(), String> {
        let mut slot = self.container.lock().await;
        let Some(container) = &*slot else {
            let started = launch(&self.containers, &self.image, &self.wanted).await;
            *slot = Some(started.map_err(|error| error.to_string())?.0);
            return Ok(());
        };
        container.go_on().await?;
        let answered = container.ready(|| questions::postgres_version(&self.access)).await;
        answered.map(drop).map_err(|error| error.to_string())
    }

    async fn remove(&self) {
        if let Some(container) = self.container.lock().await.take() {
            container.remove().await;
        }
    }
}

impl Running for OwnPostgres {
    fn stop(self: Box<Self>) -> Boxed<'static, ()> {
        Box::pin(async move { self.remove().await })
    }

    fn pause(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async {
            match &*self.container.lock().await {
                Some(container) => container.halt().await,
                None => Ok(()),
            }
        })
    }

    fn wipe(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async {
            self.remove().await;
            Ok(())
        })
    }

    fn resume(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(self.go_on())
    }
}
