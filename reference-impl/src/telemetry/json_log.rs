//! The log: one JSON object per line on standard error.

use std::fmt;
use std::io::Write;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::correlation_id;
use crate::clock::Clock;
use crate::postgres::slow_queries::StatementWatch;
use crate::service::Service;

/// Target of events that are written whatever the level: someone asked for them by setting a threshold.
pub const ALWAYS: &str = "autograph::always";

/// Makes this process log as `service`. Later calls change nothing.
///
/// `watch` sees each database statement; the log itself leaves them out.
pub fn start(service: Service, level: LevelFilter, clock: &Clock, watch: StatementWatch) {
    let log = JsonLog { service: service.name(), clock: clock.clone() };
    // Other crates may complain but not chat.
    let ours = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("autograph", level)
        .with_target(ALWAYS, LevelFilter::TRACE)
        .with_target("sqlx::query", LevelFilter::OFF);
    let statements = Targets::new().with_target("sqlx::query", LevelFilter::TRACE);
    let subscriber = tracing_subscriber::registry().with(log.with_filter(ours)).with(watch.with_filter(statements));
    // An error means that a log is already there, as it is in tests.
    let _ = subscriber.try_init();
}

struct JsonLog {
    service: &'static str,
    clock: Clock,
}

impl<S: Subscriber> Layer<S> for JsonLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = self.render(*event.metadata().level(), fields.0).to_string();
        line.push('\n');
        // One write per line keeps lines whole; a log that cannot be written is no reason to stop.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

impl JsonLog {
    /// The base fields first, then the event's own; an event may name its own correlation id.
    fn render(&self, level: Level, mut fields: Map<String, Value>) -> Value {
        let mut line = Map::new();
        line.insert("timestamp".into(), timestamp(&self.clock).into());
        line.insert("service".into(), self.service.into());
        line.insert("level".into(), level_word(level).into());
        let message = fields.shift_remove("message").unwrap_or_default();
        line.insert("message".into(), message);
        let id = fields.shift_remove("correlation_id").or_else(|| correlation_id::current().map(Value::from));
        line.insert("correlation_id".into(), id.unwrap_or_default());
        for (name, value) in fields {
            line.entry(name).or_insert(value);
        }
        Value::Object(line)
    }
}

/// Now, as it stands in log lines and bodies: UTC in microseconds, without a zone.
pub fn timestamp(clock: &Clock) -> String {
    written(clock.now())
}

/// A moment in the same form.
pub fn written(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

/// Now, as the renderer and the web pages tell it: UTC in milliseconds, `Z`.
pub fn web_timestamp(clock: &Clock) -> String {
    clock.now().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

/// The fields of an event as JSON values.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> JsonLog {
        JsonLog { service: "auth-service", clock: Clock::real() }
    }

    #[test]
    fn base_fields_cannot_be_overwritten_by_an_event() {
        let fields = serde_json::json!({"service": "auth", "message": "hello", "n": 1});
        let Value::Object(fields) = fields else { unreachable!() };
        let line = log().render(Level::WARN, fields);
        assert_eq!(line["service"], "auth-service");
        assert_eq!(line["level"], "WARNING");
        assert_eq!(line["message"], "hello");
        assert_eq!(line["correlation_id"], Value::Null);
        assert_eq!(line["n"], 1);
    }

    #[tokio::test]
    async fn line_of_a_request_carries_its_id() {
        let line = correlation_id::within("one\ntwo".into(), async { log().render(Level::INFO, Map::new()) }).await;
        assert_eq!(line["correlation_id"], "one\ntwo");
        assert!(!line.to_string().contains('\n'));
    }
}
