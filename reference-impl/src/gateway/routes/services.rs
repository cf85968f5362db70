//! The health of all back ends in one answer.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::config::Settings;
use crate::gateway::nodes::Node;
use crate::gateway::prober::{Fault, Finding, Prober};
use crate::gateway::upstreams;
use crate::middleware::request_metrics::milliseconds;
use crate::service::Service;
use crate::startup::Context;
use crate::telemetry::json_log::timestamp;

/// `GET /health/services`.
pub fn router(context: &Context, prober: Prober) -> Router {
    let settings = Arc::clone(&context.settings);
    let watched = Watched { prober, clock: context.clock.clone(), settings };
    Router::new().route("/health/services", get(services)).with_state(watched)
}

#[derive(Clone)]
struct Watched {
    prober: Prober,
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

async fn services(State(watched): State<Watched>) -> Json<Value> {
    let findings = watched.prober.ask(upstreams::watched().map(|(_, service)| Node::Service(service))).await;
    let all_well = findings.iter().all(|(_, finding)| finding.fault.is_none());
    let reports: Map<String, Value> = upstreams::watched()
        .zip(&findings)
        .map(|((name, service), (_, finding))| (name.to_owned(), json!(watched.report(service, finding))))
        .collect();
    Json(json!({
        "status": if all_well { "healthy" } else { "degraded" },
        "services": reports,
        "timestamp": timestamp(&watched.clock),
    }))
}

impl Watched {
    fn report(&self, service: Service, finding: &Finding) -> Report {
        let (status, error) = match &finding.fault {
            None => ("healthy", None),
            Some(Fault::Unwell(_)) => ("unhealthy", None),
            Some(Fault::Silent(words)) => ("unreachable", Some(words.clone())),
        };
        Report {
            status,
            url: self.settings.place(service).base_url(),
            response_time_ms: error.is_none().then(|| milliseconds(finding.took)),
            error,
        }
    }
}
