//! The report for reading: one page that asks nothing of anyone, with every step and the evidence for it.

mod causes;
mod feature;
mod group;
mod pack;
mod timings;

use self::causes::{CausesView, causes};
use self::group::{AreaView, PhaseView, area, phase};
use self::timings::{Timings, timings};
use super::dependency_map::DependencyMap;
use super::layout::{Template, lay_out, policy};
use super::summary::{answer, duration, flaky_in_words};
use super::{ReportError, Summary, Tally, plain};
use crate::outcome::Verdict;
use crate::record::Record;
use serde::Serialize;

const TEMPLATE: &str = include_str!("html/report.html");
const DETAILS: &str = include_str!("html/inside.html");
pub(super) const STYLE: &str = include_str!("html/report.css");
const SCRIPT: &str = include_str!("html/report.js");

/// How much of an observed value stands in a table, in letters.
const SHOWN: usize = 1000;

/// Everything the template lays out.
#[derive(Serialize)]
struct Page {
    policy: String,
    css: &'static str,
    js: String,
    target: String,
    words: String,
    lead: String,
    flaky: Option<String>,
    damage: Option<String>,
    facts: Vec<Fact>,
    totals: Vec<Total>,
    causes: Vec<CausesView>,
    phases: Vec<PhaseView>,
    areas: Vec<AreaView>,
    map: Option<DependencyMap>,
    timings: Timings,
}

/// The page of a record.
pub(super) fn render(record: &Record) -> Result<String, ReportError> {
    page(record, pack::PLAIN)
}

/// The page, its details packed where they are larger than `plain` bytes together.
fn page(record: &Record, plain: usize) -> Result<String, ReportError> {
    let summary = Summary::of(record);
    let details = Template::new(DETAILS)?;
    let phases = summary.phases.iter().map(|group| phase(record, &summary, group, &details));
    let mut phases = phases.collect::<Result<Vec<_>, ReportError>>()?;
    let map = phases.iter_mut().flat_map(|phase| &mut phase.features).find_map(|feature| feature.map.take());
    // What failed is packed last: a page that is printed shows it, and there is no time to unpack it then.
    for failed in [false, true] {
        let features = || phases.iter().flat_map(|phase| &phase.features);
        if features().map(|feature| feature.inside.len()).sum::<usize>() > plain {
            for feature in phases.iter_mut().flat_map(|phase| &mut phase.features) {
                if feature.failed() == failed {
                    feature.pack(record)?;
                }
            }
        }
    }
    // The comment marks let a reader of XML take the script for text, too.
    let script = format!("//<![CDATA[\n{SCRIPT}//]]>");
    let page = Page {
        policy: policy(STYLE, Some(&script)),
        css: STYLE,
        js: script,
        target: plain::line(&record.header.target),
        words: summary.tally.words(),
        lead: lead(record, &summary),
        flaky: flaky_in_words(record),
        damage: damage(record, &summary),
        facts: facts(record),
        totals: totals(&summary.tally),
        causes: causes(record),
        areas: summary.areas.iter().map(area).collect(),
        map,
        timings: timings(record),
        phases,
    };
    lay_out(TEMPLATE, &page)
}

fn lead(record: &Record, summary: &Summary) -> String {
    let all = record.header.catalogue.features;
    let tally = &summary.tally;
    format!("{} of {all} features pass; {} were checked", tally.count(Verdict::Pass), tally.checked())
}

fn damage(record: &Record, summary: &Summary) -> Option<String> {
    let missing = match summary.missing.len() {
        0 => String::new(),
        count => format!(" {count} of the selected features have no outcome."),
    };
    match (&record.damage, &record.footer) {
        (Some(damage), _) => Some(format!("This record is damaged: {}.{missing}", plain::line(damage))),
        (None, None) => Some(format!("This run was broken off before its end.{missing}")),
        (None, Some(_)) if missing.is_empty() => None,
        (None, Some(_)) => Some(missing.trim_start().to_owned()),
    }
}

#[derive(Serialize)]
struct Fact {
    name: String,
    value: String,
}

fn facts(record: &Record) -> Vec<Fact> {
    let header = &record.header;
    let took = record.footer.as_ref().map(|footer| duration(footer.duration_ms));
    let ours = [
        ("started", header.started.clone()),
        ("took", took.unwrap_or_else(|| "unknown".to_owned())),
        ("backend", header.backend.clone()),
        ("tool", header.tool.clone()),
        ("catalogue", header.catalogue.hash.clone()),
        ("seed", header.seed.to_string()),
        ("patience", duration(header.patience_s * 1000.0)),
    ];
    let ours = ours.map(|(name, value)| (name.to_owned(), value));
    let others = header.facts.iter().map(|(name, value)| (name.clone(), value.clone()));
    let pace = answer(record).map(|value| ("an answer took".to_owned(), value));
    let all = ours.into_iter().chain(pace).chain(others);
    all.map(|(name, value)| Fact { name: plain::line(&name), value: plain::line(&value) }).collect()
}

#[derive(Serialize)]
struct Total {
    verdict: Verdict,
    count: usize,
    means: &'static str,
}

fn totals(tally: &Tally) -> Vec<Total> {
    let total = |verdict| Total {
        verdict,
        count: tally.count(verdict),
        means: match verdict {
            Verdict::Pass => "every step was observed and holds",
            Verdict::Partial => "what could be observed holds",
            Verdict::Fail => "the target is wrong",
            Verdict::Error => "we could not look",
            Verdict::Skip => "nothing could be observed here",
            Verdict::Unchecked => "no check exists yet",
        },
    };
    Verdict::ALL.map(total).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;
    use crate::report::snapshot;
    use roxmltree::{Document, Node, ParsingOptions};

    /// The page as an independent parser reads it; it is written so that it is XML, too.
    fn parse(page: &str) -> Document<'_> {
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        Document::parse_with_options(page, options).unwrap()
    }

    fn with_id<'a>(document: &'a Document<'a>, id: &str) -> Option<Node<'a, 'a>> {
        document.descendants().find(|node| node.attribute("id") == Some(id))
    }

    fn text_of(node: Node<'_, '_>) -> String {
        node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
    }

    #[test]
    fn the_page_is_as_its_snapshot() {
        let (_place, record) = fixture::finished();
        let page = render(&record).unwrap();
        // Style and script would only drown what the page says.
        let body = &page[page.find("<body>").unwrap()..page.find("<script>").unwrap()];
        snapshot("report.html", body);
    }

    #[test]
    fn another_parser_finds_every_feature_and_every_step() {
        let (_place, record) = fixture::finished();
        let page = render(&record).unwrap();
        let document = parse(&page);
        for outcome in &record.outcomes {
            let feature = with_id(&document, &format!("f{:03}", outcome.feature)).unwrap();
            assert!(text_of(feature).contains(&outcome.description), "{}", outcome.feature);
            let steps = feature.descendants().filter(|node| node.attribute("class") == Some("step"));
            let outside = usize::from(outcome.feature == 42);
            let checked = if outcome.verdict == Verdict::Unchecked { 0 } else { outcome.steps.len() };
            assert_eq!(steps.count(), checked + outside, "{}", outcome.feature);
        }
        let cells = document
            .descendants()
            .filter(|node| node.attribute("class").is_some_and(|class| class.starts_with("cell ")));
        assert_eq!(cells.count(), 679);
    }

    #[test]
    fn every_link_leads_somewhere_and_no_two_places_share_a_name() {
        let (_place, record) = fixture::finished();
        let page = render(&record).unwrap();
        let document = parse(&page);
        let ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        let distinct: std::collections::BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len());
        for link in document.descendants().filter_map(|node| node.attribute("href")) {
            let inside = link.strip_prefix('#').is_some_and(|id| ids.contains(&id));
            assert!(inside || link == "data:,", "{link}");
        }
    }

    #[test]
    fn the_page_asks_nothing_of_anyone() {
        let (_place, record) = fixture::finished();
        let page = render(&record).unwrap();
        let document = parse(&page);
        for node in document.descendants().filter(Node::is_element) {
            assert!(!node.has_attribute("src") && !node.has_attribute("style"), "{:?}", node.tag_name());
            assert!(!node.attributes().any(|attribute| attribute.name().starts_with("on")));
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
        for word in ["fetch(", "XMLHttpRequest", "import(", "innerHTML", "eval("] {
            assert!(!SCRIPT.contains(word), "{word}");
        }
    }

    #[test]
    fn text_of_a_target_stays_text() {
        let (_place, record) = fixture::finished();
        let page = render(&record).unwrap();
        assert!(!page.contains("<script>alert"));
        assert!(!page.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t')));
        let document = parse(&page);
        assert_eq!(document.descendants().filter(|node| node.has_tag_name("script")).count(), 1);
        let said = text_of(with_id(&document, "f042").unwrap());
        assert!(said.contains("<script>alert('x')</script> ␛[31mred"), "{said}");
        assert!(said.contains("bytes more stand in the record"), "{said}");
    }

    #[test]
    fn a_map_of_dependencies_is_drawn_and_its_names_stay_text() {
        let (_place, record) = fixture::with_a_map();
        let page = render(&record).unwrap();
        assert!(!page.contains("<script>alert"));
        let document = parse(&page);
        let map = document.descendants().find(|node| node.attribute("class") == Some("map")).unwrap();
        let boxes = map.descendants().filter(|node| node.has_tag_name("rect"));
        assert_eq!(boxes.count(), 2);
        let rounds = map.descendants().filter(|node| node.attribute("class") == Some("edge cycle"));
        assert_eq!(rounds.count(), 2);
        assert!(text_of(map).contains("</svg><script>alert(1)</script>"));
    }

    #[test]
    fn a_large_page_is_packed_and_still_names_every_feature() {
        let (_place, record) = fixture::finished();
        let page = page(&record, 0).unwrap();
        let document = parse(&page);
        let packed = document.descendants().filter(|node| node.has_attribute("data-packed"));
        let checked = record.outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Unchecked).count();
        assert_eq!(packed.count(), checked);
        let item = with_id(&document, "f042").unwrap().parent().unwrap();
        let words = item.attribute("data-words").unwrap();
        assert!(["101st", "refused", "status"].iter().all(|word| words.contains(word)), "{words}");
        // What failed is told in plain text all the same.
        assert!(page.contains("status of the 101st request"));
    }

    #[test]
    fn what_failed_stays_plain_as_long_as_there_is_room_for_it() {
        let (_place, record) = fixture::finished();
        let packed = |plain: usize| {
            let page = page(&record, plain).unwrap();
            let document = parse(&page);
            let packed = document.descendants().filter(|node| node.has_attribute("data-packed"));
            packed.filter_map(|node| node.parent()?.attribute("id").map(str::to_owned)).collect::<Vec<_>>()
        };
        let sizes = (0..64).map(|size| packed(size << 10));
        assert!(sizes.into_iter().any(|packed| packed == ["f041", "f043", "f044", "f045"]));
    }

    #[test]
    fn a_flaky_feature_is_told_at_the_top_and_in_its_row() {
        let (_place, record) = fixture::finished();
        let page = render(&record).unwrap();
        assert!(page.contains("1 flaky: 44 (pass 9, error 1). The worst"), "{page}");
        let document = parse(&page);
        assert!(text_of(with_id(&document, "f044").unwrap()).contains("flaky: pass 9, error 1"));
    }

    #[test]
    fn a_run_that_broke_off_says_so_at_the_top() {
        let (_place, record) = fixture::unfinished();
        let page = render(&record).unwrap();
        let document = parse(&page);
        let alarm = document.descendants().find(|node| node.attribute("role") == Some("alert")).unwrap();
        assert_eq!(
            text_of(alarm),
            "This run was broken off before its end. 1 of the selected features have no outcome."
        );
        assert!(with_id(&document, "f679").is_some());
    }
}
