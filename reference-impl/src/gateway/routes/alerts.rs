//! `GET /alerts`: which services have been down for too long (feature 47).

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};

use crate::error::ApiError;
use crate::gateway::alerts::{Alert, Alerts, time_of};
use crate::parse::QueryOf;
use crate::startup::Context;
use crate::telemetry::correlation_id::CorrelationId;
use crate::telemetry::json_log::timestamp;

/// `GET /alerts`.
pub fn router(context: &Context, alerts: Alerts) -> Router {
    let watched = Watched { alerts, clock: context.clock.clone() };
    Router::new().route("/alerts", get(show)).with_state(watched)
}

#[derive(Clone)]
struct Watched {
    alerts: Alerts,
    clock: crate::clock::Clock,
}

#[derive(Deserialize)]
struct Asked {
    /// `active` or `resolved`; anything else means all.
    status: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    correlation_id: String,
    timestamp: String,
    total_alerts: usize,
    active_alerts: usize,
    resolved_alerts: usize,
    alerts: Vec<Shown>,
    config: Config,
}

#[derive(Serialize)]
struct Config {
    service_down_threshold_minutes: f64,
    escalation_interval_minutes: f64,
    check_interval_seconds: f64,
    email_enabled: bool,
    slack_enabled: bool,
}

#[derive(Serialize)]
struct Shown {
    alert_id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    service_id: String,
    service_name: String,
    severity: &'static str,
    status: &'static str,
    triggered_at: String,
    triggered_timestamp: f64,
    last_notification: f64,
    resolved_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_timestamp: Option<f64>,
    escalation_count: u32,
    down_duration_seconds: f64,
    message: String,
}

async fn show(
    State(watched): State<Watched>,
    Extension(CorrelationId(correlation_id)): Extension<CorrelationId>,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Json<Listed>, ApiError> {
    let Watched { alerts, clock } = &watched;
    let all = alerts.all().await;
    let active_alerts = all.iter().filter(|alert| alert.is_active()).count();
    let wanted = |alert: &&Alert| match asked.status.as_deref() {
        Some("active") => alert.is_active(),
        Some("resolved") => !alert.is_active(),
        _ => true,
    };
    let settings = alerts.settings();
    Ok(Json(Listed {
        correlation_id,
        timestamp: timestamp(clock),
        total_alerts: all.len(),
        active_alerts,
        resolved_alerts: all.len() - active_alerts,
        alerts: all.iter().filter(wanted).map(|alert| shown(alert, alerts)).collect(),
        config: Config {
            service_down_threshold_minutes: settings.down_for.as_secs_f64() / 60.0,
            escalation_interval_minutes: settings.escalate_every.as_secs_f64() / 60.0,
            check_interval_seconds: settings.check_every.as_secs_f64(),
            email_enabled: settings.email.is_some(),
            slack_enabled: settings.slack.is_some(),
        },
    }))
}

fn shown(alert: &Alert, alerts: &Alerts) -> Shown {
    Shown {
        alert_id: alert.id.clone(),
        kind: "service_down",
        service_id: alert.service_id.clone(),
        service_name: alert.service_name.clone(),
        severity: "critical",
        status: if alert.is_active() { "active" } else { "resolved" },
        triggered_at: time_of(alert.triggered),
        triggered_timestamp: alert.triggered,
        last_notification: alert.last_notification,
        resolved_at: alert.resolved.map(time_of),
        resolved_timestamp: alert.resolved,
        escalation_count: alert.escalations,
        down_duration_seconds: alert.down_seconds(alerts.now()),
        message: alerts.message(alert),
    }
}
