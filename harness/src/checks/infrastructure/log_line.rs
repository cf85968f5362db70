//! What the contract fixes about a log line (section 3.1): its base fields, its time, and how a request's trace ends.

use crate::check::{Case, Seen, Stop, at_least, is};
use crate::probe::Mark;
use crate::target::Service;
use chrono::{DateTime, NaiveDateTime};
use serde_json::Value;

/// The words that a line's level may be.
pub(super) const LEVELS: [&str; 4] = ["DEBUG", "INFO", "WARNING", "ERROR"];

/// First and last message of a request's trace, where a service uses the original's words (contract, section 3.2). They
/// are prose and nobody's duty (section 0); who uses them is known to have written all once the last is there.
const fn original_words(service: Service) -> (&'static str, &'static str) {
    match service {
        Service::Gateway => ("Incoming request", "Outgoing response"),
        _ => ("Request received", "Response sent"),
    }
}

/// How the lines of a request's trace end.
pub(super) enum Ending {
    /// With the original's words: so many times.
    InOriginalWords(usize),
    /// In words of the service's own, so nothing tells which line is the last.
    InOwnWords,
}

/// How this trace ends.
pub(super) fn ending(service: Service, lines: &[Seen]) -> Ending {
    let (first, last) = original_words(service);
    let says = |words: &str| lines.iter().filter(|line| line.at("/message").text() == Some(words)).count();
    match (says(first), says(last)) {
        (0, 0) => Ending::InOwnWords,
        (_, ends) => Ending::InOriginalWords(ends),
    }
}

/// Whether as many requests as this have ended in these lines. In words of a service's own, the end is a line that tells
/// the status, which is the upstream's where it comes with the time that the upstream took.
pub(super) fn ended(service: Service, lines: &[Value], requests: usize) -> bool {
    let (first, last) = original_words(service);
    let count = |is_it: &dyn Fn(&Value) -> bool| lines.iter().filter(|line| is_it(line)).count();
    if count(&|line| line["message"] == first) > 0 {
        return count(&|line| line["message"] == last) >= requests;
    }
    let tells = |line: &Value| !line["status_code"].is_null() && line["response_time_ms"].is_null();
    count(&|line| line["message"] == last || tells(line)) >= requests
}

/// The lines since the mark that hold a request's correlation id, as soon as its trace is complete.
pub(super) async fn trace(case: &mut Case, service: Service, mark: Mark, id: &str) -> Result<Vec<Seen>, Stop> {
    case.lines_until(mark, &[id], |lines| ended(service, lines, 1)).await
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

/// Holds against the requests that this trace is to tell of: the ends that it has, where they can be told, and else that
/// there are lines enough.
pub(super) fn tells_of(case: &mut Case, service: Service, lines: &[Seen], requests: usize, what: &str) {
    match ending(service, lines) {
        Ending::InOriginalWords(ends) => {
            case.expect(format!("times that {service} ended {what}"), ends, is(requests));
        }
        Ending::InOwnWords => {
            case.expect(format!("lines of {service} about {what}"), lines.len(), at_least(requests as f64));
        }
    }
}
