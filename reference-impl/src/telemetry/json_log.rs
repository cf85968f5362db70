//! The log: one JSON object per line on standard error (feature 37), each module at its level (feature 38).

use std::fmt;
use std::io::Write;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{self, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::error_tracker::ErrorTracker;
use super::{correlation_id, plain_line, request_context};
use crate::clock::Clock;
use crate::config::{Log, LogFormat};
use crate::startup::Context;

/// Target of events that are written whatever the level: someone asked for them by setting a threshold.
pub const ALWAYS: &str = "autograph::always";

/// The crate of our own modules, which their names leave out.
const OURS: &str = "autograph";

/// Makes this process log as `service`. Later calls change nothing.
///
/// Errors go to the tracker as well. The watch sees each database statement; the log itself leaves them out.
pub fn start(context: &Context) {
    let settings = &context.settings.log;
    let log = JsonLog {
        service: context.service.name(),
        clock: context.clock.clone(),
        format: settings.format,
        errors: context.errors.clone(),
    };
    let statements = Targets::new().with_target("sqlx::query", LevelFilter::TRACE);
    let log = log.with_filter(levels(settings));
    let subscriber = tracing_subscriber::registry().with(log).with(context.statements.clone().with_filter(statements));
    // An error means that a log is already there, as it is in tests.
    let _ = subscriber.try_init();
}

/// One line about why this process ends, for when there is no log yet or any more.
pub fn last_words(who: &str, format: LogFormat, reason: &dyn std::error::Error) {
    let log = JsonLog { service: who, clock: Clock::real(), format, errors: ErrorTracker::default() };
    let mut fields = Map::new();
    fields.insert("message".into(), "Service cannot run".into());
    fields.insert("error".into(), reason.to_string().into());
    log.write(&log.render(Level::ERROR, module_path!(), fields));
}

/// What is written: of each module that which its level lets through.
fn levels(settings: &Log) -> Targets {
    let level = settings.level;
    let mut levels = Targets::new()
        // Other crates may complain but not chat.
        .with_default(level.min(LevelFilter::WARN))
        .with_target(OURS, level);
    for (module, level) in &settings.modules {
        // Whose module it is cannot be told from its name.
        let path = module.replace('.', "::");
        levels = levels.with_target(format!("{OURS}::{path}"), *level).with_target(path, *level);
    }
    levels.with_target(ALWAYS, LevelFilter::TRACE).with_target("sqlx::query", LevelFilter::OFF)
}

struct JsonLog<'a> {
    service: &'a str,
    clock: Clock,
    format: LogFormat,
    errors: ErrorTracker,
}

impl<S: Subscriber> Layer<S> for JsonLog<'static> {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let about = event.metadata();
        let line = self.render(*about.level(), about.module_path().unwrap_or(about.target()), fields.0);
        self.write(&line);
        if *about.level() == Level::ERROR {
            self.errors.capture(&line);
        }
    }
}

impl JsonLog<'_> {
    /// The base fields first, then the event's own; an event may name its own correlation id.
    fn render(&self, level: Level, module: &str, mut fields: Map<String, Value>) -> Map<String, Value> {
        let mut line = Map::new();
        line.insert("timestamp".into(), timestamp(&self.clock).into());
        line.insert("service".into(), self.service.into());
        line.insert("level".into(), level_word(level).into());
        let message = fields.shift_remove("message").unwrap_or_default();
        line.insert("message".into(), message);
        let id = fields.shift_remove("correlation_id").or_else(|| correlation_id::current().map(Value::from));
        line.insert("correlation_id".into(), id.unwrap_or_default());
        line.insert("module".into(), module_name(module).into());
        for (name, value) in fields {
            line.entry(name).or_insert(value);
        }
        if level == Level::ERROR {
            for (name, value) in request_context::fields() {
                line.entry(name).or_insert(value);
            }
        }
        line
    }

    fn write(&self, line: &Map<String, Value>) {
        let mut text = match self.format {
            LogFormat::Json => serde_json::to_string(line).unwrap_or_default(),
            LogFormat::Text => plain_line::render(line),
        };
        text.push('\n');
        // One write per line keeps lines whole; a log that cannot be written is no reason to stop.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// `auth.routes.logging` for `autograph::auth::routes::logging`: the name that `LOG_LEVELS` knows a module by.
fn module_name(path: &str) -> String {
    let ours = path.strip_prefix(OURS).and_then(|rest| rest.strip_prefix("::"));
    ours.unwrap_or(path).replace("::", ".")
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

    const LOG: Log =
        Log { level: LevelFilter::INFO, level_text: String::new(), modules: Vec::new(), format: LogFormat::Json };

    fn log() -> JsonLog<'static> {
        JsonLog {
            service: "auth-service",
            clock: Clock::real(),
            format: LogFormat::Json,
            errors: ErrorTracker::default(),
        }
    }

    #[test]
    fn base_fields_cannot_be_overwritten_by_an_event() {
        let fields = serde_json::json!({"service": "auth", "message": "hello", "n": 1});
        let Value::Object(fields) = fields else { unreachable!() };
        let line = log().render(Level::WARN, "autograph::auth::routes::login", fields);
        assert_eq!(line["service"], "auth-service");
        assert_eq!(line["level"], "WARNING");
        assert_eq!(line["message"], "hello");
        assert_eq!(line["correlation_id"], Value::Null);
        assert_eq!(line["module"], "auth.routes.login");
        assert_eq!(line["n"], 1);
    }

    #[tokio::test]
    async fn line_of_a_request_carries_its_id() {
        let work = async { log().render(Level::INFO, "autograph", Map::new()) };
        let line = correlation_id::within("one\ntwo".into(), work).await;
        assert_eq!(line["correlation_id"], "one\ntwo");
        assert!(!Value::Object(line).to_string().contains('\n'));
    }

    #[test]
    fn a_module_has_a_level_of_its_own() {
        let levels = levels(&Log { modules: vec![("auth.routes".into(), LevelFilter::DEBUG)], ..LOG });
        assert!(levels.would_enable("autograph::auth::routes::login", &Level::DEBUG));
        assert!(!levels.would_enable("autograph::auth", &Level::DEBUG));
        assert!(levels.would_enable("autograph::auth", &Level::INFO));
        assert!(!levels.would_enable("hyper", &Level::INFO));
        assert!(levels.would_enable(ALWAYS, &Level::TRACE));
    }
}
