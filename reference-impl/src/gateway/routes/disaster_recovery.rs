//! `/api/admin/dr/…`: what a recovery must achieve, and drills that show whether it does (feature 50).

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::backup::{answer, to_the_end};
use crate::backup::Backups;
use crate::backup::disaster::drill::Scenario;
use crate::backup::disaster::{self};
use crate::backup::manifest::Kind;
use crate::backup::wal::State as Stream;
use crate::clock::Clock;
use crate::error::ApiError;
use crate::parse::QueryOf;
use crate::startup::Context;
use crate::telemetry::json_log::written;

/// The routes under `/api/admin/dr`.
pub fn router(context: &Context, backups: &Backups) -> Router {
    let desk = Desk { backups: backups.clone(), clock: context.clock.clone() };
    Router::new()
        .route("/api/admin/dr/status", get(status))
        .route("/api/admin/dr/simulate", post(simulate))
        .with_state(desk)
}

#[derive(Clone)]
struct Desk {
    backups: Backups,
    clock: Clock,
}

async fn status(State(desk): State<Desk>) -> Result<Json<Value>, ApiError> {
    let backups = &desk.backups;
    let all = backups.list().await.map_err(ApiError::from)?;
    let latest = |kind: Option<Kind>| {
        let newest = all.iter().find(|entry| kind.is_none_or(|kind| entry.kind == kind));
        newest
            .map(|entry| json!({ "name": entry.file, "modified": written(entry.modified), "backup_type": entry.kind }))
    };
    let (rto, rpo) = backups.targets();
    let healthy = |count: usize| if count > 0 { "healthy" } else { "no_backups" };
    let (stream, reason) = match backups.stream().state() {
        Stream::Idle => ("idle", None),
        Stream::Streaming(_) => ("streaming", None),
        Stream::Interrupted(why) => ("interrupted", Some(why)),
    };
    let fields = json!({
        "rto_target_minutes": rto,
        "rpo_target_minutes": rpo,
        "database_backups": {
            "count": all.len(),
            "latest": latest(None),
            "status": healthy(all.len()),
            "latest_base": latest(Some(Kind::Base)),
            "log_of_changes": { "status": stream, "reason": reason },
        },
        "minio_backups": { "count": 0, "latest": null, "status": healthy(0) },
        "last_dr_test": disaster::last_drill(backups).await.map_err(ApiError::from)?.map(written),
        "next_dr_test": disaster::next_drill(backups).map(written),
    });
    Ok(answer(&desk.clock, fields))
}

#[derive(Deserialize)]
struct Asked {
    scenario: Option<String>,
}

async fn simulate(State(desk): State<Desk>, QueryOf(asked): QueryOf<Asked>) -> Result<Json<Value>, ApiError> {
    let word = asked.scenario.unwrap_or_else(|| Scenario::CompleteFailure.word().to_owned());
    let Some(scenario) = Scenario::ALL.into_iter().find(|scenario| scenario.word() == word) else {
        let known: Vec<&str> = Scenario::ALL.into_iter().map(Scenario::word).collect();
        let expected = format!("one of {} is expected", known.join(", "));
        return Err(ApiError::invalid("value_invalid", &["query", "scenario"], expected));
    };
    let backups = desk.backups.clone();
    let simulation = to_the_end(async move { disaster::simulate(&backups, scenario).await }).await?;
    Ok(answer(&desk.clock, json!({ "simulation": simulation })))
}
