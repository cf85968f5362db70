//! Manners on somebody else's system: how fast to ask, and a list of what would be asked.

use super::place::{self, CommandError};
use crate::catalogue::Catalogue;
use crate::checks;
use crate::outcome::Evidence;
use crate::report::plain;
use crate::target::{Need, Pace, Target};
use clap::Args;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

/// The options of `conform run` for guests.
#[derive(Debug, Clone, Args)]
pub struct GuestArgs {
    /// List what would be asked of the target and send nothing
    #[arg(long, requires = "target")]
    pub dry_run: bool,
    /// At most so many requests a second, 5 or more; the target file may say it, too
    #[arg(long, value_name = "N", requires = "target", value_parser = GuestArgs::pace())]
    pub requests_per_second: Option<u32>,
}

impl GuestArgs {
    /// What may be said of the pace.
    pub(super) fn pace() -> clap::builder::RangedI64ValueParser<u32> {
        clap::value_parser!(u32).range(i64::from(Pace::SLOWEST)..)
    }

    /// Keeps a target's requests to the pace that is asked for.
    pub(super) fn apply(&self, target: &mut Target) {
        GuestArgs::keep_pace(target, self.requests_per_second);
    }

    /// Keeps a target's requests to this pace, if one is asked for.
    pub(super) fn keep_pace(target: &mut Target, requests_per_second: Option<u32>) {
        if let Some(requests) = requests_per_second {
            target.rules.pace = Some(Pace::per_second(requests));
        }
    }
}

/// Prints what a run would ask of the target, check by check.
///
/// It is what the checks asked of the reference when the evidence that comes with the suite was gathered; ids differ
/// in a run, and a target that answers otherwise may be asked for less.
///
/// # Errors
/// When the catalogue's place is not known, or nothing can be printed.
pub(super) fn list(target: &Target, catalogue: &Catalogue, path: &Path, numbers: &[u16]) -> Result<(), CommandError> {
    let mut text = format!("what a run would ask of {}; nothing is sent\n", plain::line(&target.name));
    text += "\nas the run begins\n";
    for (nth, (service, endpoint)) in target.services.iter().enumerate() {
        let times = if nth == 0 { "  up to ×5" } else { "" };
        let _ = writeln!(text, "  GET {service} {}{times}", plain::line(&endpoint.health));
    }
    let dir = place::shipped_evidence(path);
    for check in numbers.iter().filter_map(|&number| checks::find(number)) {
        let title = catalogue.feature(check.feature).map_or("", |feature| feature.description.as_str());
        let _ = writeln!(text, "\nf{:03}  {title}", check.feature);
        if let Some(need) = check.needs.iter().find(|need| !target.has(**need)) {
            let _ = writeln!(text, "  nothing: needs {need}");
            continue;
        }
        match place::evidence(&dir, check.feature) {
            Ok(evidence) => questions(&mut text, target, &evidence),
            Err(reason) => drop(writeln!(text, "  not known: {}", plain::line(&reason))),
        }
    }
    text += "\nas it ends, of what the checks have made and nothing else\n";
    text += if target.has(Need::DatabaseWrites) {
        "  sql deletes users and diagrams, with the rows that refer to them\n"
    } else {
        "  DELETE and GET api-gateway /api/diagrams/ID; POST /api/auth/login where a token has expired\n"
    };
    if target.has(Need::ObjectStore) {
        text += "  s3 lists and deletes objects with their versions, and buckets\n";
    }
    place::print(&text)
}

fn questions(text: &mut String, target: &Target, evidence: &Evidence) {
    for observation in &evidence.observations {
        let mut requests = Vec::new();
        find_requests(&observation.asked, 1, &mut requests);
        for (method, service, path, times) in &requests {
            let forbidden = target.rules.forbidden.iter().any(|rule| rule.covers(path));
            let note = if forbidden { "  (forbidden: not sent)" } else { "" };
            let times = if *times > 1 { format!("  ×{times}") } else { String::new() };
            let _ = writeln!(text, "  {method} {service} {}{times}{note}", plain::line(path));
        }
        if requests.is_empty()
            && !["log", "clock"].contains(&observation.probe.as_str())
            && is_there(target, &observation.probe)
        {
            let _ = writeln!(text, "  {} {}", observation.probe, plain::line(&plain::value_line(&observation.asked)));
        }
    }
}

/// Whether the target has anything for this probe to look at.
fn is_there(target: &Target, probe: &str) -> bool {
    match probe {
        "sql" => target.has(Need::Sql),
        "redis" => target.has(Need::Redis),
        "s3" => target.has(Need::ObjectStore),
        "process" => target.has(Need::Control),
        _ => true,
    }
}

/// Every request in a question, wherever it stands: method, service, path, and how many times.
fn find_requests(asked: &Value, times: u64, found: &mut Vec<(String, String, String, u64)>) {
    let text = |key: &str| asked[key].as_str().unwrap_or_default().to_owned();
    match asked {
        Value::Object(fields) => {
            let times = ["times", "at the same moment"].iter().find_map(|key| asked[*key].as_u64()).unwrap_or(times);
            if asked["path"].is_string() && asked["service"].is_string() {
                found.push((text("method"), text("service"), text("path"), times));
            } else if asked["health"] == Value::Bool(true) {
                found.push(("GET".to_owned(), text("service"), "(its health)".to_owned(), times));
            } else {
                fields.values().for_each(|value| find_requests(value, times, found));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| find_requests(item, times, found)),
        _ => {}
    }
}
