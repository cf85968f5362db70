//! A log line as an event of the error tracker.

use std::borrow::Cow;

use sentry::protocol::{Event, Exception, Frame, Stacktrace, User};
use serde_json::{Map, Value};

use crate::telemetry::stack_trace;

/// Fields of a line that an event has in places of its own, or does not need.
const PLACED: [&str; 10] = [
    "timestamp",
    "level",
    "service",
    "message",
    "module",
    "correlation_id",
    "error_type",
    "error_message",
    "stack_trace",
    "user_id",
];

/// The event that tells of an ERROR line.
pub(super) fn of(line: &Map<String, Value>) -> Event<'static> {
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut event = Event {
        message: text("message"),
        logger: text("module"),
        user: text("user_id").map(|id| User { id: Some(id), ..User::default() }),
        ..Event::default()
    };
    for name in ["correlation_id", "service"] {
        event.tags.extend(text(name).map(|value| (name.to_owned(), value)));
    }
    for (name, value) in line {
        if !PLACED.contains(&name.as_str()) && !value.is_null() {
            event.extra.insert(name.clone(), value.clone());
        }
    }
    if let Some(kind) = text("error_type") {
        let trace = stack_trace::frames(&text("stack_trace").unwrap_or_default());
        event.culprit = stack_trace::culprit(&trace);
        event.fingerprint = group(&kind, event.culprit.as_deref().or(event.message.as_deref()));
        let stacktrace = Stacktrace::from_frames_reversed(trace.into_iter().map(frame).collect());
        event.exception =
            vec![Exception { ty: kind, value: text("error_message"), stacktrace, ..Exception::default() }].into();
    }
    event
}

/// Errors of one type at one place are one problem, whatever line of the file it moves to with the next release.
fn group(kind: &str, place: Option<&str>) -> Cow<'static, [Cow<'static, str>]> {
    [Some(kind), place].into_iter().flatten().map(|part| Cow::Owned(part.to_owned())).collect()
}

fn frame(frame: stack_trace::Frame) -> Frame {
    Frame {
        function: Some(frame.function),
        filename: frame.file.clone(),
        abs_path: frame.file,
        lineno: frame.line,
        in_app: Some(true),
        ..Frame::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Map<String, Value> {
        let line = serde_json::json!({
            "timestamp": "t", "service": "auth-service", "level": "ERROR", "message": "Division failed",
            "correlation_id": "c1", "module": "auth.routes.error", "user_id": "u1", "file_id": "f1",
            "error_type": "DivisionByZero", "error_message": "10 cannot be divided",
            "stack_trace": "2: autograph::divide\n             at src/error.rs:9:5\n3: autograph::error\nDivisionByZero: 10",
        });
        let Value::Object(line) = line else { unreachable!() };
        line
    }

    #[test]
    fn an_event_says_what_the_line_says() {
        let event = of(&line());
        let exception = &event.exception.values[0];
        assert_eq!(
            (exception.ty.as_str(), exception.value.as_deref()),
            ("DivisionByZero", Some("10 cannot be divided"))
        );
        let frames = &exception.stacktrace.as_ref().unwrap().frames;
        assert_eq!(frames.last().unwrap().function.as_deref(), Some("autograph::divide"), "the innermost comes last");
        assert_eq!(frames.last().unwrap().lineno, Some(9));
        assert_eq!(event.tags["correlation_id"], "c1");
        assert_eq!(event.tags["service"], "auth-service");
        assert_eq!(event.user.unwrap().id.as_deref(), Some("u1"));
        assert_eq!(event.extra["file_id"], "f1");
        assert_eq!(&event.fingerprint[..], ["DivisionByZero", "error"]);
    }

    #[test]
    fn a_line_without_a_type_is_a_message() {
        let mut line = line();
        line.shift_remove("error_type");
        let event = of(&line);
        assert!(event.exception.values.is_empty());
        assert_eq!(event.message.as_deref(), Some("Division failed"));
        assert_eq!(&event.fingerprint[..], ["{{ default }}"]);
    }
}
