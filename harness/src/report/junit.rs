//! The report for CI services, as JUnit XML: a suite for each area, a case for each feature.

use super::{ReportError, plain, reason};
use crate::catalogue::Area;
use crate::outcome::{Outcome, Verdict};
use crate::record::{Record, evidence_path};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The report as XML.
///
/// `partial` passes, for CI services know no such verdict; what was not observed stands in the case's output, and so
/// does a verdict that changes from round to round.
/// `skip` and `unchecked` are skipped. A selected feature without an outcome is an error, as is a run without end.
pub(super) fn render(record: &Record) -> Result<String, ReportError> {
    let mut report = Report::new(text(&format!("conformance of {}", record.header.target)));
    if let Ok(started) = chrono::DateTime::parse_from_rfc3339(&record.header.started) {
        report.set_timestamp(started);
    }
    if let Some(footer) = &record.footer {
        report.set_time(milliseconds(footer.duration_ms));
    }
    if !record.finished() {
        report.add_test_suite(unfinished(record));
    }
    let missing = record.missing();
    for area in Area::all() {
        let numbers = area.numbers();
        let outcomes = record.outcomes.iter().filter(|outcome| numbers.contains(&outcome.feature));
        let mut cases: Vec<TestCase> = outcomes.map(|outcome| case(record, area, outcome)).collect();
        let lost = missing.iter().filter(|feature| numbers.contains(feature));
        cases.extend(lost.map(|feature| lost_case(area, *feature)));
        if !cases.is_empty() {
            report.add_test_suite(suite(record, area.name(), cases));
        }
    }
    Ok(report.to_string()?)
}

fn suite(record: &Record, name: &str, cases: Vec<TestCase>) -> TestSuite {
    let mut suite = TestSuite::new(name);
    let header = &record.header;
    let ours = [
        ("tool", header.tool.clone()),
        ("target", header.target.clone()),
        ("backend", header.backend.clone()),
        ("catalogue", header.catalogue.hash.clone()),
        ("seed", header.seed.to_string()),
    ];
    for (name, value) in ours {
        suite.add_property(Property::new(name, text(&value)));
    }
    for (name, value) in &header.facts {
        suite.add_property(Property::new(text(name), text(value)));
    }
    suite.set_time(cases.iter().filter_map(|case| case.time).sum());
    suite.add_test_cases(cases);
    suite
}

fn case(record: &Record, area: Area, outcome: &Outcome) -> TestCase {
    let mut case = TestCase::new(
        text(&format!("f{:03} {}", outcome.feature, plain::line(&outcome.description))),
        status(record, outcome),
    );
    case.set_classname(area.name());
    case.set_time(milliseconds(outcome.duration_ms));
    let unobserved = reason::unobserved(outcome).filter(|_| outcome.verdict == Verdict::Partial);
    let lines: Vec<String> =
        outcome.flaky().into_iter().chain(unobserved.map(|line| format!("partial: {line}"))).collect();
    if !lines.is_empty() {
        case.set_system_out(text(&lines.join("\n")));
    }
    if outcome.is_flaky() {
        case.add_property(Property::new("flaky", outcome.rounds_in_words()));
    }
    case
}

fn status(record: &Record, outcome: &Outcome) -> TestCaseStatus {
    let mut status = match outcome.verdict {
        Verdict::Pass | Verdict::Partial => return TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Skip | Verdict::Unchecked => TestCaseStatus::skipped(),
    };
    status.set_type(outcome.verdict.word());
    if let Some(because) = reason::because(outcome) {
        status.set_message(text(&because));
    }
    if outcome.verdict == Verdict::Fail {
        status.set_description(text(&description(record, outcome)));
    }
    status
}

/// All that does not hold, and where the evidence is.
fn description(record: &Record, outcome: &Outcome) -> String {
    let mut lines: Vec<String> = reason::failures(outcome)
        .map(|(step, one)| format!("step {}, {}: {}", step.step, plain::line(&step.text), reason::difference(one)))
        .collect();
    if evidence_path(&record.dir, outcome.feature).is_file() {
        let file = evidence_path("".as_ref(), outcome.feature);
        lines.push(format!("evidence: {} of the record", file.display()));
    }
    lines.join("\n")
}

fn lost_case(area: Area, feature: u16) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("missing").set_message("the run was broken off before this feature had an outcome");
    let mut case = TestCase::new(format!("f{feature:03}"), status);
    case.set_classname(area.name());
    case
}

fn unfinished(record: &Record) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    let damage = record.damage.as_deref().unwrap_or("the run was broken off before its end");
    status.set_type("unfinished").set_message(text(damage));
    suite(record, "run", vec![TestCase::new("the run comes to its end", status)])
}

/// A text in which everything can be seen. Tabs become spaces, for the XML would lose them.
fn text(text: &str) -> String {
    plain::text(text).replace('\t', "    ")
}

fn milliseconds(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;
    use crate::report::snapshot;
    use roxmltree::{Document, Node};

    fn attribute(node: Node<'_, '_>, name: &str) -> String {
        node.attribute(name).unwrap_or_default().to_owned()
    }

    fn case_of<'a>(document: &'a Document<'a>, number: &str) -> Node<'a, 'a> {
        let mut cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
        cases.find(|case| attribute(*case, "name").starts_with(number)).unwrap()
    }

    #[test]
    fn the_report_is_as_its_snapshot() {
        let (_place, record) = fixture::finished();
        snapshot("junit.xml", &render(&record).unwrap());
    }

    #[test]
    fn another_parser_reads_what_was_found() {
        let (_place, record) = fixture::finished();
        let xml = render(&record).unwrap();
        let document = Document::parse(&xml).unwrap();
        let counts = ["tests", "failures", "errors", "skipped"].map(|name| attribute(document.root_element(), name));
        assert_eq!(counts, ["8", "2", "1", "3"]);

        let failure = case_of(&document, "f042").first_element_child().unwrap();
        assert_eq!(failure.tag_name().name(), "failure");
        let message = attribute(failure, "message");
        assert!(
            message.starts_with("step 2: status of the 101st request: expected 429, observed \"<script>alert('x')")
        );
        assert!(message.contains("␛[31mred␛[0m ␀ \\u{9b}31m ]]> | `code`␊::error::gotcha"), "{message}");
        assert!(failure.text().unwrap().ends_with("evidence: evidence/f042.jsonl of the record"));

        let partial = case_of(&document, "f043").first_element_child().unwrap();
        assert_eq!(partial.text(), Some("partial: step 2 was not observed: needs patience 61 s"));
        let unchecked = case_of(&document, "f046").first_element_child().unwrap();
        assert_eq!(attribute(unchecked, "message"), "no check exists yet");
        assert_eq!(case_of(&document, "f041").first_element_child(), None);
    }

    #[test]
    fn a_run_that_broke_off_is_an_error_and_so_is_what_it_missed() {
        let (_place, record) = fixture::unfinished();
        let xml = render(&record).unwrap();
        let document = Document::parse(&xml).unwrap();
        assert_eq!(attribute(document.root_element(), "errors"), "3");
        assert_eq!(attribute(case_of(&document, "f679").first_element_child().unwrap(), "type"), "missing");
    }
}
