//! A page that follows a record while the run goes on, and what it is told each time the record grows.

use super::html::STYLE;
use super::layout::{lay_out, policy};
use super::{ReportError, Tally, plain, reason};
use crate::outcome::Verdict;
use crate::record::{Record, RecordError};
use serde::Serialize;
use serde_json::{Value, json};

const TEMPLATE: &str = include_str!("live/live.html");
const OWN_STYLE: &str = include_str!("live/live.css");
const SCRIPT: &str = include_str!("live/live.js");

#[derive(Serialize)]
struct Page {
    policy: String,
    css: String,
    js: String,
}

/// The page, which knows nothing of the record: all comes with the events.
///
/// # Errors
/// When it cannot be laid out.
pub fn page() -> Result<String, ReportError> {
    let css = format!("{STYLE}{OWN_STYLE}");
    // The comment marks let a reader of XML take the script for text, too.
    let js = format!("//<![CDATA[\n{SCRIPT}//]]>");
    // Unlike a report, this page asks for something: the events of the server that it comes from.
    let policy = format!("{}; connect-src 'self'", policy(&css, Some(&js)));
    lay_out(TEMPLATE, &Page { policy, css, js })
}

/// What the page is told of a record: one line of JSON.
pub fn state(record: Result<Record, RecordError>) -> String {
    let state = match record {
        Ok(record) => of_record(&record),
        Err(RecordError::Missing { .. }) => json!({"state": "waiting"}),
        Err(error) => json!({"state": "unreadable", "why": plain::line(&error.to_string())}),
    };
    state.to_string()
}

fn of_record(record: &Record) -> Value {
    let header = &record.header;
    let state = match (&record.footer, &record.damage) {
        (None, _) => "running",
        (Some(_), None) => "finished",
        (Some(_), Some(_)) => "damaged",
    };
    let tally = Tally::of(&record.outcomes);
    let found = record.outcomes.iter().map(|outcome| {
        let why = if outcome.verdict == Verdict::Pass { None } else { reason::because(outcome) };
        json!({"feature": outcome.feature, "verdict": outcome.verdict, "why": why,
            "what": plain::line(&outcome.description)})
    });
    let missing = record.missing();
    json!({
        "state": state,
        "target": plain::line(&header.target),
        "backend": plain::line(&header.backend),
        "tool": plain::line(&header.tool),
        "started": plain::line(&header.started),
        "selected": record.outcomes.len() + missing.len(),
        "done": record.outcomes.len(),
        "totals": tally,
        "words": tally.words(),
        "features": found.collect::<Vec<_>>(),
        "missing": missing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;
    use roxmltree::{Document, ParsingOptions};

    fn told(record: Result<Record, RecordError>) -> Value {
        let text = state(record);
        assert_eq!(text.lines().count(), 1, "an event ends with its line");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_record_is_told_whatever_state_it_is_in() {
        let (_place, record) = fixture::finished();
        let finished = told(Ok(record));
        assert_eq!((finished["state"].as_str(), finished["done"].as_u64()), (Some("finished"), Some(8)));
        let (_place, mut record) = fixture::unfinished();
        record.damage = Some("line 9 breaks off".into());
        let running = told(Ok(record));
        assert_eq!((running["state"].as_str(), running["missing"].clone()), (Some("running"), json!([679])));
        assert_eq!(told(Err(RecordError::Missing { dir: "x".into() })), json!({"state": "waiting"}));
    }

    #[test]
    fn the_page_asks_only_where_it_comes_from() {
        let page = page().unwrap();
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        let document = Document::parse_with_options(&page, options).unwrap();
        assert!(document.descendants().all(|node| !node.has_attribute("src")));
        assert!(page.contains("connect-src &#x27;self&#x27;") || page.contains("connect-src 'self'"), "{page}");
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("http"));
    }
}
