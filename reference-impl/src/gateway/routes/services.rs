//! The health of all back ends in one answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::Settings;
use crate::error::whole_story;
use crate::gateway::client::Client;
use crate::gateway::upstreams;
use crate::middleware::request_metrics::milliseconds;
use crate::service::Service;
use crate::startup::Context;
use crate::telemetry::json_log::timestamp;

/// How long a back end may take. This is real time: the answer tells how the network is, not how a clock was moved.
const PATIENCE: Duration = Duration::from_secs(5);

/// `GET /health/services`.
pub fn router(context: &Context) -> Router {
    let prober =
        Prober { client: Client::new(), clock: context.clock.clone(), settings: Arc::clone(&context.settings) };
    Router::new().route("/health/services", get(services)).with_state(prober)
}

#[derive(Clone)]
struct Prober {
    client: Client,
    clock: Clock,
    settings: Arc<Settings>,
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_time_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

async fn services(State(prober): State<Prober>) -> Json<Value> {
    let mut probes = JoinSet::new();
    for (name, service) in upstreams::watched() {
        let prober = prober.clone();
        probes.spawn(async move { (name, prober.probe(service).await) });
    }
    let reports = probes.join_all().await;
    let all_well = reports.iter().all(|(_, report)| report.status == "healthy");
    let of = |wanted| reports.iter().find(|(name, _)| *name == wanted);
    // Answers come as they please; the report keeps the order of the table.
    let ordered: Map<String, Value> = upstreams::watched()
        .filter_map(|(name, _)| of(name))
        .map(|(name, report)| ((*name).to_owned(), json!(report)))
        .collect();
    Json(json!({
        "status": if all_well { "healthy" } else { "degraded" },
        "services": ordered,
        "timestamp": timestamp(&prober.clock),
    }))
}

impl Prober {
    async fn probe(&self, service: Service) -> Report {
        let url = self.settings.place(service).base_url();
        let health = format!("{url}{}", health_path(service));
        let started = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, self.client.status_of(&health)).await;
        let response_time_ms = Some(milliseconds(started.elapsed()));
        let (status, error) = match answer {
            Ok(Ok(200)) => ("healthy", None),
            Ok(Ok(_)) => ("unhealthy", None),
            Ok(Err(error)) => ("unreachable", Some(whole_story(error.as_ref()))),
            Err(_) => ("unreachable", Some(format!("no answer within {PATIENCE:?}"))),
        };
        Report { status, url, response_time_ms: response_time_ms.filter(|_| error.is_none()), error }
    }
}

fn health_path(service: Service) -> &'static str {
    match service {
        Service::Frontend => "/api/health",
        _ => "/health",
    }
}
