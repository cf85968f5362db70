//! The progress report as one page that asks nothing of anyone; it shares its look with the report of a run.

use super::{NO_FILES, Progress, TERMS};
use crate::report::ReportError;
use crate::report::html::STYLE;
use crate::report::layout::{lay_out, policy};
use serde::Serialize;

const TEMPLATE: &str = include_str!("progress.html");
const OWN_STYLE: &str = include_str!("progress.css");

#[derive(Serialize)]
struct Page<'a> {
    policy: String,
    css: String,
    terms: &'static str,
    no_files: &'static str,
    #[serde(flatten)]
    progress: &'a Progress,
}

/// The report as HTML.
pub(super) fn render(progress: &Progress) -> Result<String, ReportError> {
    let css = format!("{STYLE}{OWN_STYLE}");
    lay_out(TEMPLATE, &Page { policy: policy(&css, None), css, terms: TERMS, no_files: NO_FILES, progress })
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Records, golden, render};
    use super::*;
    use crate::record::fixture;
    use crate::report::snapshot;
    use roxmltree::{Document, Node, ParsingOptions};

    fn parse(page: &str) -> Document<'_> {
        let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
        Document::parse_with_options(page, options).unwrap()
    }

    fn text_of(node: Node<'_, '_>) -> String {
        node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
    }

    fn golden_page() -> String {
        let [before, after] = golden::records();
        let (_place, after) = golden::on_disk(&after);
        let earlier = [before.clone()];
        let records = Records { record: &after, since: Some(&before), earlier: &earlier };
        render(records, Format::Html).unwrap()
    }

    #[test]
    fn the_golden_case_is_as_its_snapshot() {
        let page = golden_page();
        // The style is the same in every page and has nothing of the case in it.
        let (head, rest) = page.split_once("<style>").unwrap();
        let (_, body) = rest.split_once("</style>").unwrap();
        let (before, policy) = head.split_once("sha256-").unwrap();
        let (_, after) = policy.split_once('=').unwrap();
        snapshot("progress.html", &format!("{before}sha256-…{after}<style>…</style>{body}"));
    }

    #[test]
    fn another_parser_finds_the_sections_in_their_order() {
        let page = golden_page();
        let document = parse(&page);
        let titles: Vec<String> = document.descendants().filter(|node| node.has_tag_name("h2")).map(text_of).collect();
        let wanted = [
            "What was accomplished",
            "Statistics",
            "Technical highlights",
            "Figures that were measured",
            "Files created and changed",
            "Phases",
            "Next priorities",
            "State of the environment",
            "Success metrics",
            "Earlier runs",
        ];
        assert_eq!(titles, wanted);
        let said = text_of(document.root_element());
        for words in ["42 of 679 (6.19%)", "+2 (+0.30%)", "42 (19 + 23), 100% passing", "84%"] {
            assert!(said.contains(words), "{words}");
        }
    }

    #[test]
    fn the_page_asks_nothing_of_anyone() {
        let page = golden_page();
        for node in parse(&page).descendants().filter(Node::is_element) {
            assert!(!node.has_attribute("src") && !node.has_attribute("style"), "{:?}", node.tag_name());
            assert!(!node.has_tag_name("script") && !node.attributes().any(|one| one.name().starts_with("on")));
        }
        assert!(!OWN_STYLE.contains("url(") && !OWN_STYLE.contains("@import"));
    }

    #[test]
    fn text_of_a_target_stays_text() {
        let (_place, record) = fixture::finished();
        let page = render(Records { record: &record, since: None, earlier: &[] }, Format::Html).unwrap();
        assert!(!page.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t')));
        let document = parse(&page);
        assert!(document.descendants().all(|node| !node.has_tag_name("b")));
        assert!(text_of(document.root_element()).contains("<b>2</b> ␛[31m"));
    }
}
