//! What stands around the services of a stack beside its database and its Redis: doubles, relays, stores of its own.

use super::error::ProvisionError;
use super::run::Run;
use crate::doubles::RunningRelay;
use crate::target::{Inbox, Part, PostgresAccess, Relay};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The parts of one stack. Dropping it ends them.
#[derive(Default)]
pub struct Parts {
    /// What the services must be told of them: environment variables.
    pub variables: Vec<(String, String)>,
    /// What the doubles have received.
    pub inboxes: BTreeMap<Part, Inbox>,
    /// The relay before PostgreSQL.
    pub postgres_relay: Option<Relay>,
    running: Vec<Box<dyn Send + Sync>>,
}

impl Parts {
    /// Starts them.
    pub async fn start(run: &Run, parts: &[Part], database: &PostgresAccess) -> Result<Parts, ProvisionError> {
        let mut all = Parts::default();
        for part in parts {
            match part {
                Part::PostgresRelay => all.relay_before_postgres(run, database).await?,
                Part::ObjectStore
                | Part::SecondObjectStore
                | Part::Postgres
                | Part::ErrorTracker
                | Part::Mail
                | Part::Chat => {}
            }
        }
        Ok(all)
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
