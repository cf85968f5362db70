//! What a drill came to, step by step, and whether the targets were met.

use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::error::BackupError;

/// A rehearsed disaster.
#[derive(Debug, Serialize)]
pub struct Simulation {
    /// Which disaster.
    pub scenario: &'static str,
    /// When it was begun.
    pub start_time: String,
    /// What was done.
    pub steps: Vec<Step>,
    /// What it came to.
    pub metrics: Metrics,
    /// When it was over.
    pub end_time: String,
    /// How long it took.
    pub total_duration_seconds: f64,
    /// The same in minutes.
    pub total_duration_minutes: f64,
}

/// One step of a drill.
#[derive(Debug, Serialize)]
pub struct Step {
    /// Its number.
    pub step: usize,
    /// What was done.
    pub name: &'static str,
    /// How it ended.
    pub status: Status,
    /// How long it took.
    pub duration_seconds: f64,
    /// What was found.
    pub details: Value,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It was done.
    Completed,
    /// It was tried and did not succeed.
    Failed,
    /// There was nothing to do, or an earlier step had failed.
    Skipped,
}

/// What a drill came to.
#[derive(Debug, Serialize)]
pub struct Metrics {
    /// How long a recovery may take.
    pub rto_target_minutes: u32,
    /// From the beginning of the recovery until the service answered; nothing if it never did.
    pub actual_recovery_minutes: Option<f64>,
    /// Whether the service was back in time.
    pub rto_met: bool,
    /// How many minutes of data may be lost.
    pub rpo_target_minutes: u32,
    /// How many would have been; nothing if none came back.
    pub estimated_data_loss_minutes: Option<f64>,
    /// Whether little enough was lost.
    pub rpo_met: bool,
    /// Steps in all.
    pub total_steps: usize,
    /// Those that were done.
    pub successful_steps: usize,
    /// Those that failed.
    pub failed_steps: usize,
}

/// What the work of a step comes to.
pub enum Done<T> {
    /// Something, with details for the report.
    With(T, Value),
    /// There was nothing to do, for this reason.
    Skipped(&'static str),
}

/// The steps of a drill under way.
#[derive(Default)]
pub struct Log(Vec<Step>);

impl Log {
    /// Does the work of a step and writes down what became of it; nothing where it failed or was skipped.
    pub async fn step<T>(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Result<Done<T>, BackupError>>,
    ) -> Option<T> {
        let began = Instant::now();
        let (status, details, value) = match work.await {
            Ok(Done::With(value, details)) => (Status::Completed, details, Some(value)),
            Ok(Done::Skipped(why)) => (Status::Skipped, json!({ "reason": why }), None),
            Err(error) => (Status::Failed, json!({ "error": error.to_string() }), None),
        };
        let duration_seconds = rounded(began.elapsed().as_secs_f64());
        self.0.push(Step { step: self.0.len() + 1, name, status, duration_seconds, details });
        value
    }

    /// Writes down a step that an earlier failure leaves nothing to do for.
    pub fn skip(&mut self, name: &'static str, why: &'static str) {
        let details = json!({ "reason": why });
        self.0.push(Step { step: self.0.len() + 1, name, status: Status::Skipped, duration_seconds: 0.0, details });
    }

    /// How many steps ended so.
    pub fn count(&self, status: Status) -> usize {
        self.0.iter().filter(|step| step.status == status).count()
    }

    /// The steps.
    pub fn into_steps(self) -> Vec<Step> {
        self.0
    }
}

/// To the millisecond, or a few of them in minutes.
pub fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}
