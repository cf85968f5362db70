//! `GET /dependencies`: who depends on whom, and who is well (feature 46).

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::error::ApiError;
use crate::gateway::dependencies::{Dependencies, Edge, Map, MapNode};
use crate::gateway::nodes::Node;
use crate::gateway::prober::{Finding, Prober};
use crate::middleware::request_metrics::milliseconds;
use crate::parse::QueryOf;
use crate::startup::Context;
use crate::telemetry::correlation_id::CorrelationId;
use crate::telemetry::json_log::timestamp;

/// `GET /dependencies`.
pub fn router(context: &Context, dependencies: Dependencies, prober: Prober) -> Router {
    let watched = Watched { dependencies, prober, clock: context.clock.clone() };
    Router::new().route("/dependencies", get(show)).with_state(watched)
}

#[derive(Clone)]
struct Watched {
    dependencies: Dependencies,
    prober: Prober,
    clock: Clock,
}

#[derive(Deserialize)]
struct Asked {
    include_health: Option<bool>,
}

#[derive(Serialize)]
struct Shown {
    correlation_id: String,
    timestamp: String,
    graph: Graph,
    circular_dependencies: Cycles,
    critical_path: CriticalPath,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
}

#[derive(Serialize)]
struct Graph {
    total_services: usize,
    total_dependencies: usize,
    nodes: Vec<MapNode>,
    edges: Vec<Edge>,
}

#[derive(Serialize)]
struct Cycles {
    found: bool,
    count: usize,
    cycles: Vec<Vec<&'static str>>,
}

#[derive(Serialize)]
struct CriticalPath {
    length: usize,
    description: String,
    path: Vec<&'static str>,
}

#[derive(Serialize)]
struct Health {
    summary: Summary,
    services: Vec<ServiceHealth>,
}

#[derive(Serialize)]
struct Summary {
    total: usize,
    healthy: usize,
    unhealthy: usize,
    unknown: usize,
    health_percentage: f64,
}

#[derive(Serialize)]
struct ServiceHealth {
    service_id: &'static str,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    port: Option<u16>,
    status: &'static str,
    response_time_ms: Option<f64>,
    error: Option<String>,
}

async fn show(
    State(watched): State<Watched>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Json<Shown>, ApiError> {
    let health = async {
        match asked.include_health {
            Some(false) => None,
            _ => Some(health(&watched).await),
        }
    };
    let (map, health) = tokio::join!(watched.dependencies.map(), health);
    let Map { nodes, edges, cycles, critical_path } = map;
    Ok(Json(Shown {
        correlation_id,
        timestamp: timestamp(&watched.clock),
        graph: Graph { total_services: nodes.len(), total_dependencies: edges.len(), nodes, edges },
        circular_dependencies: Cycles { found: !cycles.is_empty(), count: cycles.len(), cycles },
        critical_path: CriticalPath {
            length: critical_path.len(),
            description: critical_path.join(" → "),
            path: critical_path,
        },
        health,
    }))
}

async fn health(watched: &Watched) -> Health {
    let findings = watched.prober.ask(Node::all()).await;
    let total = findings.len();
    let healthy = findings.iter().filter(|(_, finding)| finding.fault.is_none()).count();
    let summary = Summary {
        total,
        healthy,
        unhealthy: total - healthy,
        // Each is really asked, so of none it is not known.
        unknown: 0,
        health_percentage: (healthy as f64 / total.max(1) as f64 * 1000.0).round() / 10.0,
    };
    let service = |(node, finding): &(Node, Finding)| service_health(&watched.dependencies, *node, finding);
    Health { summary, services: findings.iter().map(service).collect() }
}

fn service_health(dependencies: &Dependencies, node: Node, finding: &Finding) -> ServiceHealth {
    let MapNode { id, name, kind, port } = dependencies.node(node);
    let error = finding.fault.as_ref().map(|fault| fault.words().to_owned());
    ServiceHealth {
        service_id: id,
        name,
        kind,
        port,
        status: if error.is_none() { "healthy" } else { "unhealthy" },
        response_time_ms: error.is_none().then(|| milliseconds(finding.took)),
        error,
    }
}
