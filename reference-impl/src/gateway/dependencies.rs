//! The map of who depends on whom, drawn from the calls that were really made (feature 46).

mod graph;

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::nodes::Node;
use crate::call_ledger::{Entry, Ledger};
use crate::config::Settings;
use graph::Graph;

/// The map; clones share what was last known.
#[derive(Clone)]
pub struct Dependencies {
    ledger: Ledger,
    settings: Arc<Settings>,
    last_known: Arc<Mutex<Vec<Entry>>>,
}

/// What is known at a moment.
pub struct Map {
    /// All thirteen.
    pub nodes: Vec<MapNode>,
    /// Who calls whom.
    pub edges: Vec<Edge>,
    /// Every cycle.
    pub cycles: Vec<Vec<&'static str>>,
    /// The longest chain.
    pub critical_path: Vec<&'static str>,
}

/// One of the thirteen on the map.
#[derive(Serialize)]
pub struct MapNode {
    /// `auth-service`, …
    pub id: &'static str,
    /// As people call it.
    pub name: String,
    /// What part it plays.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where it listens.
    pub port: Option<u16>,
}

/// One depends on another.
#[derive(Serialize)]
pub struct Edge {
    from: &'static str,
    to: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    calls: u64,
    last_seen: String,
}

impl Dependencies {
    /// A map of what the ledger holds.
    pub fn new(ledger: Ledger, settings: &Arc<Settings>) -> Dependencies {
        Dependencies { ledger, settings: Arc::clone(settings), last_known: Arc::default() }
    }

    /// A node with what there is to say of it.
    pub fn node(&self, node: Node) -> MapNode {
        MapNode { id: node.id(), name: node.name(), kind: node.kind(), port: node.port(&self.settings) }
    }

    /// The map as it is now, or as it was last known while Redis is away.
    pub async fn map(&self) -> Map {
        let known: Vec<Node> = Node::all().collect();
        let place = |id: &str| known.iter().position(|node| node.id() == id);
        let mut pairs: Vec<(usize, usize, Entry)> = self
            .entries()
            .await
            .into_iter()
            .filter_map(|entry| Some((place(&entry.from)?, place(&entry.to)?, entry)))
            .collect();
        pairs.sort_by_key(|(from, to, _)| (*from, *to));
        let graph = Graph::new(pairs.iter().map(|(from, to, _)| (*from, *to)));
        let ids = |places: Vec<usize>| places.into_iter().map(|place| known[place].id()).collect::<Vec<_>>();
        Map {
            cycles: graph.cycles().into_iter().map(ids).collect(),
            critical_path: ids(graph.longest_chain()),
            edges: pairs.into_iter().map(|(from, to, entry)| edge(known[from], known[to], &entry)).collect(),
            nodes: known.into_iter().map(|node| self.node(node)).collect(),
        }
    }

    async fn entries(&self) -> Vec<Entry> {
        // What this process has called a moment ago belongs to it.
        let read = match self.ledger.write().await {
            Ok(()) => self.ledger.read().await,
            Err(error) => Err(error),
        };
        let mut last_known = self.last_known.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(entries) => *last_known = entries,
            Err(error) => tracing::warn!(error = %error, "Calls cannot be read, the map shows what was last known"),
        }
        last_known.clone()
    }
}

fn edge(from: Node, to: Node, entry: &Entry) -> Edge {
    let seen = chrono::DateTime::from_timestamp_millis(entry.last_seen_ms).unwrap_or_default();
    let last_seen = seen.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
    Edge { from: from.id(), to: to.id(), kind: "depends_on", calls: entry.calls, last_seen }
}
