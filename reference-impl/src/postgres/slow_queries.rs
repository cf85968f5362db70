//! Times every statement, and reports the slow ones with their plan (feature 41).
//!
//! The driver tells of each statement by an event; a layer of the log listens. So no query knows that it is
//! watched, and none can be forgotten. The plan is fetched later, on another connection: the request that was
//! slow pays nothing more, and its transaction cannot be harmed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sqlx::PgPool;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::layer;

use super::query_history::{QueryHistory, QueryStats};
use super::query_plan::{self, Plan};
use crate::middleware::request_metrics::milliseconds;
use crate::startup::Context;
use crate::telemetry::metrics::{Counter, Histogram};
use crate::telemetry::{calls, correlation_id, json_log, query_tally};

/// Reports in the making. Beyond that, slow statements are reported at once and without a plan.
const MOST_REPORTS: u32 = 64;

/// Characters of a statement that are shown.
const SHOWN: usize = 500;

/// Sees each statement of this process; clones share what they saw.
#[derive(Clone)]
pub struct StatementWatch(Arc<Inner>);

struct Inner {
    threshold: Duration,
    history: QueryHistory,
    reports: Arc<Semaphore>,
    attached: OnceLock<Attached>,
}

/// What is there only once the service has a database.
struct Attached {
    queries: Counter,
    durations: Histogram,
    /// Connections of their own for plans; their statements are not watched.
    plans: PgPool,
}

impl StatementWatch {
    /// A watch to which statements above `threshold` are slow.
    pub fn new(threshold: Duration) -> StatementWatch {
        StatementWatch(Arc::new(Inner {
            threshold,
            history: QueryHistory::default(),
            reports: Arc::new(Semaphore::new(MOST_REPORTS as usize)),
            attached: OnceLock::new(),
        }))
    }

    /// Gives the watch its metrics and its own way to the database.
    pub fn attach(&self, context: &Context) {
        let prefix = context.service.metric_prefix();
        self.0.attached.get_or_init(|| Attached {
            queries: context.metrics.counter(
                &format!("{prefix}_database_queries_total"),
                "Statements sent to the database.",
                &["operation"],
            ),
            durations: context.metrics.histogram(
                &format!("{prefix}_database_query_duration_seconds"),
                "Time a statement took.",
                &["operation"],
            ),
            plans: query_plan::pool(&context.settings),
        });
    }

    /// What was seen so far, the most expensive statement first.
    pub fn history(&self) -> Vec<QueryStats> {
        self.0.history.snapshot()
    }

    /// Waits until each slow statement is reported.
    pub async fn flush(&self) {
        let _ = self.0.reports.acquire_many(MOST_REPORTS).await;
    }

    fn saw(&self, statement: Statement) {
        query_tally::note(&statement.text, statement.took);
        let slow = statement.took > self.0.threshold;
        self.0.history.record(&statement.text, statement.took, slow);
        let Some(attached) = self.0.attached.get() else {
            return;
        };
        calls::made(calls::POSTGRES);
        let operation = operation(&statement.text);
        attached.queries.increment(&[operation]);
        attached.durations.observe(&[operation], statement.took);
        if !slow {
            return;
        }
        let report = Report { statement, threshold: self.0.threshold, correlation_id: correlation_id::current() };
        let plans = attached.plans.clone();
        let permit = Arc::clone(&self.0.reports).try_acquire_owned().ok();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(report.write(plans, permit));
        }
    }
}

/// A slow statement on its way into the log.
struct Report {
    statement: Statement,
    threshold: Duration,
    correlation_id: Option<String>,
}

impl Report {
    async fn write(self, plans: PgPool, permit: Option<OwnedSemaphorePermit>) {
        let text = &self.statement.text;
        let plan = match permit {
            Some(_) if is_select(text) => query_plan::explain(&plans, text).await.ok(),
            _ => None,
        };
        let (explain_plan, missing_index) = match plan {
            Some(Plan { text, missing_index }) => (Some(text), missing_index),
            None => (None, None),
        };
        let shown: String = text.chars().take(SHOWN).collect();
        warn!(
            target: json_log::ALWAYS,
            query_duration_ms = milliseconds(self.statement.took),
            slow_query_threshold_ms = milliseconds(self.threshold),
            query = shown,
            correlation_id = self.correlation_id,
            explain_plan,
            missing_index,
            "Slow database query detected"
        );
    }
}

impl<S: Subscriber> Layer<S> for StatementWatch {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        if let Some(statement) = seen.statement() {
            self.saw(statement);
        }
    }
}

/// A statement and how long it took.
struct Statement {
    text: String,
    took: Duration,
}

/// The fields of the driver's event that matter.
#[derive(Default)]
struct Seen {
    summary: String,
    /// Empty when the summary is already the whole statement.
    full: String,
    took: Option<Duration>,
}

impl Seen {
    fn statement(self) -> Option<Statement> {
        let full = self.full.trim();
        let text = if full.is_empty() { self.summary.trim() } else { full };
        Some(Statement { text: text.to_owned(), took: self.took? })
    }
}

impl Visit for Seen {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.took = Duration::try_from_secs_f64(value).ok();
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.full),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

fn is_select(statement: &str) -> bool {
    operation(statement) == "select"
}

/// The kind of a statement, from a short list, so that a metric's labels stay few.
fn operation(statement: &str) -> &'static str {
    let word: String = statement.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    ["select", "insert", "update", "delete"]
        .into_iter()
        .find(|known| word.eq_ignore_ascii_case(known))
        .unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statement_is_the_summary_unless_there_is_more() {
        let seen = |summary: &str, full: &str| Seen {
            summary: summary.to_owned(),
            full: full.to_owned(),
            took: Some(Duration::ZERO),
        };
        assert_eq!(seen("select 1", "").statement().unwrap().text, "select 1");
        let long = seen("select a, b, c …", "\n\nselect a, b, c from t\n");
        assert_eq!(long.statement().unwrap().text, "select a, b, c from t");
        assert!(Seen::default().statement().is_none());
    }

    #[test]
    fn only_what_begins_with_select_is_explained() {
        assert!(is_select("  SELECT 1") && is_select("select(1)"));
        assert!(!is_select("selection") && !is_select("with a as (select 1) select 1"));
        assert_eq!(operation("Update users set x = 1"), "update");
        assert_eq!(operation("vacuum"), "other");
    }
}
