//! Asks each of the thirteen whether it is well, at the address where the gateway itself would look for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use super::nodes::Node;
use crate::config::Settings;
use crate::error::whole_story;
use crate::http_client::Client;
use crate::service::Service;
use crate::{postgres, redis};

/// How long one may take. This is real time: the answer tells how the network is, not how a clock was moved.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Whoever asks; clones share connections.
#[derive(Clone)]
pub struct Prober {
    client: Client,
    settings: Arc<Settings>,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How long it took.
    pub took: Duration,
    /// What is wrong, if anything is.
    pub fault: Option<Fault>,
}

/// What is wrong with one of the thirteen.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It answered something else than that it is well.
    Unwell(String),
    /// It did not answer.
    Silent(String),
}

impl Fault {
    /// In words.
    pub fn words(&self) -> &str {
        match self {
            Fault::Unwell(words) | Fault::Silent(words) => words,
        }
    }
}

impl Prober {
    /// Asks at the addresses in these settings.
    pub fn new(settings: &Arc<Settings>) -> Prober {
        Prober { client: Client::new(), settings: Arc::clone(settings) }
    }

    /// Asks all of these at the same time; the findings come in their order.
    pub async fn ask(&self, nodes: impl IntoIterator<Item = Node>) -> Vec<(Node, Finding)> {
        let mut asked = JoinSet::new();
        for (place, node) in nodes.into_iter().enumerate() {
            let prober = self.clone();
            asked.spawn(async move { (place, node, prober.one(node).await) });
        }
        let mut findings = asked.join_all().await;
        findings.sort_by_key(|(place, ..)| *place);
        findings.into_iter().map(|(_, node, finding)| (node, finding)).collect()
    }

    /// Asks one.
    pub async fn one(&self, node: Node) -> Finding {
        let started = Instant::now();
        let outcome = tokio::time::timeout(PATIENCE, self.fault(node)).await;
        let fault = outcome.unwrap_or_else(|_| Some(Fault::Silent(format!("no answer within {PATIENCE:?}"))));
        Finding { took: started.elapsed(), fault }
    }

    async fn fault(&self, node: Node) -> Option<Fault> {
        let settings = &self.settings;
        match node {
            Node::Service(service) => {
                let health = format!("{}{}", settings.place(service).base_url(), health_path(service));
                self.status(&health).await
            }
            Node::ObjectStore => {
                self.status(&format!("{}/minio/health/live", settings.object_store.main.endpoint)).await
            }
            Node::Postgres => query(settings).await.err().map(|error| Fault::Silent(whole_story(&error))),
            Node::Redis => redis::ping(settings).await.err().map(|error| Fault::Silent(whole_story(&error))),
        }
    }

    async fn status(&self, url: &str) -> Option<Fault> {
        match self.client.status_of(url).await {
            Ok(200) => None,
            Ok(status) => Some(Fault::Unwell(format!("it answers {status}"))),
            Err(error) => Some(Fault::Silent(whole_story(error.as_ref()))),
        }
    }
}

/// A connection of its own, so that a pool that is used up does not look like a database that is away.
async fn query(settings: &Settings) -> Result<(), sqlx::Error> {
    let options = postgres::options(settings).application_name("api-gateway health");
    let mut connection = PgConnection::connect_with(&options).await?;
    sqlx::query("SELECT 1").execute(&mut connection).await?;
    connection.close().await
}

fn health_path(service: Service) -> &'static str {
    match service {
        Service::Frontend => "/api/health",
        _ => "/health",
    }
}
