//! What stands around the services of a stack beside its database and its Redis: doubles, relays, stores of its own.

use super::error::ProvisionError;
use super::object_store::{self, OTHER_REGION, ObjectStore, REGION};
use super::run::Run;
use super::servers::Infrastructure;
use crate::doubles::{Chat, ErrorTracker, Mail, RewritingProxy, Rule, RunningRelay};
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

/// What the parts of a stack are made of and for.
pub struct Surroundings<'a> {
    /// The run.
    pub run: &'a Run,
    /// Where stores come from.
    pub infrastructure: &'a dyn Infrastructure,
    /// The database of the stack.
    pub database: &'a PostgresAccess,
    /// Which replies of the S3 store are changed.
    pub store_rules: Vec<Rule>,
}

impl Parts {
    /// Starts them.
    pub async fn start(around: Surroundings<'_>, parts: &[Part]) -> Result<Parts, ProvisionError> {
        let mut all = Parts::default();
        for part in parts {
            match part {
                Part::PostgresRelay => all.relay_before_postgres(around.run, around.database).await?,
                Part::ObjectStore => {
                    let store = own_store(&around, REGION).await?;
                    let store = all.proxy_before(&around, store).await?;
                    all.variables.extend(object_store::variables("MINIO", &store.access));
                    all.object_store = Some(Arc::new(store));
                }
                Part::SecondObjectStore => {
                    let store = own_store(&around, OTHER_REGION).await?;
                    all.variables.extend(object_store::variables("MINIO_REPLICA", &store.access));
                    all.second_object_store = Some(Arc::new(store));
                }
                // Started before the database is made.
                Part::Postgres => {}
                // The machine has them or has not.
                Part::PostgresTools => {}
                Part::ErrorTracker => all.error_tracker(around.run).await?,
                Part::Mail => all.mail(around.run).await?,
                Part::Chat => all.chat(around.run).await?,
            }
        }
        Ok(all)
    }

    /// The store behind a proxy, where some of its replies are to be changed.
    async fn proxy_before(
        &mut self,
        around: &Surroundings<'_>,
        mut store: ObjectStore,
    ) -> Result<ObjectStore, ProvisionError> {
        let behind = store.access.endpoint.rsplit(':').next().and_then(|port| port.parse().ok());
        let Some(behind) = behind.filter(|_| !around.store_rules.is_empty()) else {
            return Ok(store);
        };
        let port = around.run.ports.take()?;
        let proxy = RewritingProxy::start(port, behind, around.store_rules.clone()).await;
        self.running.push(Box::new(proxy.map_err(ProvisionError::system("start the proxy before the S3 store"))?));
        store.access.endpoint = format!("http://{}:{port}", Ipv4Addr::LOCALHOST);
        Ok(store)
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

    async fn mail(&mut self, run: &Run) -> Result<(), ProvisionError> {
        let (port, inbox) = (run.ports.take()?, Inbox::default());
        let mail = Mail::on(port, inbox.clone()).await.map_err(ProvisionError::system("start the mail double"))?;
        let variables = [
            ("ALERT_EMAIL_ENABLED", "true"),
            ("ALERT_EMAIL_TO", "operators@example.com"),
            ("ALERT_EMAIL_FROM", "alerts@example.com"),
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_PORT", &port.to_string()),
        ];
        self.variables.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        self.inboxes.insert(Part::Mail, inbox);
        self.running.push(Box::new(mail));
        Ok(())
    }

    async fn chat(&mut self, run: &Run) -> Result<(), ProvisionError> {
        let (port, inbox) = (run.ports.take()?, Inbox::default());
        let chat = Chat::on(port, inbox.clone()).await.map_err(ProvisionError::system("start the chat double"))?;
        self.variables.push(("ALERT_SLACK_ENABLED".into(), "true".into()));
        self.variables.push(("ALERT_SLACK_WEBHOOK_URL".into(), format!("http://127.0.0.1:{port}{}", Chat::PATH)));
        self.inboxes.insert(Part::Chat, inbox);
        self.running.push(Box::new(chat));
        Ok(())
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

async fn own_store(around: &Surroundings<'_>, region: &str) -> Result<ObjectStore, ProvisionError> {
    match around.infrastructure.own_object_store(region) {
        Some(starting) => starting.await,
        None => object_store::start(around.run, "own-objects", region).await,
    }
}
