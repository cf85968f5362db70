//! What the contract fixes about a log line (section 3.1): its base fields, its time, and how a request's trace ends.

use crate::check::{Case, Seen, Stop};
use crate::probe::Mark;
use crate::target::Service;
use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;

/// The words that a line's level may be.
pub(super) const LEVELS: [&str; 4] = ["DEBUG", "INFO", "WARNING", "ERROR"];

/// The last line of a request's trace in a service's log.
pub(super) const fn last_message(service: Service) -> &'static str {
    match service {
        Service::Gateway => "Outgoing response",
        _ => "Response sent",
    }
}

/// The lines since the mark that hold a request's correlation id, as soon as its trace is complete.
pub(super) async fn trace(case: &mut Case, service: Service, mark: Mark, id: &str) -> Result<Vec<Seen>, Stop> {
    case.lines(mark, &[id], |line| line["message"] == last_message(service)).await
}

/// The name of the service in a line, under whichever of its two names.
pub(super) fn service_of(line: &Seen) -> Seen {
    let long = line.at("/service_name");
    if long.is_there() { long } else { line.at("/service") }
}

/// Whether a line has what every line has: time, level, words and the service that wrote it.
pub(super) fn is_whole(line: &Seen, service: Service) -> bool {
    is_told(line) && service_of(line).text() == Some(service.name())
}

/// Whether a line tells when it was written, how much it matters and what it says.
pub(super) fn is_told(line: &Seen) -> bool {
    time_of(line).is_some()
        && line.at("/level").text().is_some_and(|level| LEVELS.contains(&level))
        && line.at("/message").text().is_some_and(|message| !message.trim().is_empty())
}

/// The time of a line, in seconds since 1970; without a zone it is UTC.
pub(super) fn time_of(line: &Seen) -> Option<f64> {
    let seen = line.at("/timestamp");
    let text = seen.text()?;
    let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_micros());
    let bare = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc());
    let micros = zoned.or_else(|_| bare().map(|time| time.timestamp_micros())).ok()?;
    Some(micros as f64 / 1e6)
}

/// The messages of lines, in order.
pub(super) fn messages(lines: &[Seen]) -> Vec<Value> {
    lines.iter().map(|line| line.at("/message").value().clone()).collect()
}
