//! What stands around the services of a stack beside its database and its Redis: doubles, relays, stores of its own.

use super::error::ProvisionError;
use super::object_store::{self, OTHER_REGION, ObjectStore, REGION};
use super::run::Run;
use super::servers::Infrastructure;
use crate::doubles::{ErrorTracker, RunningRelay};
use crate::target::{Inbox, Part, PostgresAccess, Relay};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The parts of one stack. Dropping it ends them.
#[derive(Default)]
pub struct Parts {
    /// What the services must be told of them: environment variables.
    pub variables: Vec<(String, String)>,
    /// What the doubles have received.
    pub inboxes: BTreeMap<Part, Inbox>,
    /// The relay before PostgreSQL.
    pub postgres_relay: Option<Relay>,
    /// An S3 store of the stack's own.
    pub object_store: Option<Arc<ObjectStore>>,
    /// A second one, in another region.
    pub second_object_store: Option<Arc<ObjectStore>>,
    running: Vec<Box<dyn Send + Sync>>,
}

impl Parts {
    /// Starts them.
    pub async fn start(
        run: &Run,
        infrastructure: &dyn Infrastructure,
        parts: &[Part],
        database: &PostgresAccess,
    ) -> Result<Parts, ProvisionError> {
        let mut all = Parts::default();
        for part in parts {
            match part {
                Part::PostgresRelay => all.relay_before_postgres(run, database).await?,
                Part::ObjectStore => {
                    all.object_store = Some(all.own_store(run, infrastructure, "MINIO", REGION).await?);
                }
                Part::SecondObjectStore => {
                    let second = all.own_store(run, infrastructure, "MINIO_REPLICA", OTHER_REGION).await?;
                    all.second_object_store = Some(second);
                }
                // Started before the database is made.
                Part::Postgres => {}
                // The machine has them or has not.
                Part::PostgresTools => {}
                Part::ErrorTracker => all.error_tracker(run).await?,
                Part::Mail | Part::Chat => {}
            }
        }
        Ok(all)
    }

    async fn own_store(
        &mut self,
        run: &Run,
        infrastructure: &dyn Infrastructure,
        prefix: &str,
        region: &str,
    ) -> Result<Arc<ObjectStore>, ProvisionError> {
        let store = match infrastructure.own_object_store(region) {
            Some(starting) => starting.await?,
            None => object_store::start(run, "own-objects", region).await?,
        };
        self.variables.extend(object_store::variables(prefix, &store.access));
        Ok(Arc::new(store))
    }

    /// Ends the stores in good order; the rest ends by being dropped.
    pub async fn stop(self) {
        for store in [self.object_store, self.second_object_store].into_iter().flatten() {
            // A check that was cut off may still hold its target; then the store ends with it.
            if let Some(store) = Arc::into_inner(store) {
                store.running.stop().await;
            }
        }
    }

    async fn error_tracker(&mut self, run: &Run) -> Result<(), ProvisionError> {
        let (port, inbox) = (run.ports.take()?, Inbox::default());
        let running = ErrorTracker::start(port, inbox.clone()).await;
        let running = running.map_err(ProvisionError::system("start the double of the error tracker"))?;
        self.running.push(Box::new(running));
        self.variables.push(("SENTRY_DSN".into(), ErrorTracker::dsn(port)));
        self.inboxes.insert(Part::ErrorTracker, inbox);
        Ok(())
    }

    async fn relay_before_postgres(&mut self, run: &Run, database: &PostgresAccess) -> Result<(), ProvisionError> {
        let (port, relay) = (run.ports.take()?, Relay::default());
        let running = RunningRelay::start(port, database.host.clone(), database.port, relay.clone());
        self.running
            .push(Box::new(running.await.map_err(ProvisionError::system("start the relay before PostgreSQL"))?));
        self.variables.push(("POSTGRES_HOST".into(), Ipv4Addr::LOCALHOST.to_string()));
        self.variables.push(("POSTGRES_PORT".into(), port.to_string()));
        self.postgres_relay = Some(relay);
        Ok(())
    }
}
