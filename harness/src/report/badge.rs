//! A badge for a readme: how many of the checked features pass, as a small picture.

use super::{ReportError, Tally};
use crate::outcome::Verdict;
use crate::record::Record;
use crate::report::layout::lay_out;
use serde::Serialize;

const TEMPLATE: &str = include_str!("badge.svg");
const LABEL: &str = "conformance";

#[derive(Serialize)]
struct Badge {
    label: &'static str,
    value: String,
    colour: &'static str,
    left: usize,
    right: usize,
}

/// The badge of a record.
pub(super) fn render(record: &Record) -> Result<String, ReportError> {
    let (value, colour) = told(record);
    let badge = Badge { label: LABEL, left: width(LABEL), right: width(&value), value, colour };
    Ok(lay_out(TEMPLATE, &badge)? + "\n")
}

/// What it says, and in which colour; white is legible on each.
fn told(record: &Record) -> (String, &'static str) {
    const GREEN: &str = "#1a7f4b";
    const AMBER: &str = "#8a5a00";
    const RED: &str = "#b4232f";
    const VIOLET: &str = "#73308f";
    const GREY: &str = "#556070";
    let tally = Tally::of(&record.outcomes);
    if !record.finished() {
        return ("unfinished".to_owned(), GREY);
    }
    if tally.checked() == 0 {
        return ("nothing checked".to_owned(), GREY);
    }
    let any = |verdict| tally.count(verdict) > 0;
    let colour = if any(Verdict::Fail) {
        RED
    } else if any(Verdict::Error) {
        VIOLET
    } else if any(Verdict::Partial) || any(Verdict::Skip) {
        AMBER
    } else {
        GREEN
    };
    (format!("{} of {} pass", tally.count(Verdict::Pass), tally.checked()), colour)
}

/// Units that a text takes at this size; the picture stretches it to fit exactly.
fn width(text: &str) -> usize {
    text.chars().count() * 7 + 10
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;
    use roxmltree::Document;

    fn said(record: &Record) -> String {
        let svg = render(record).unwrap();
        let document = Document::parse(&svg).unwrap();
        let root = document.root_element();
        assert_eq!((root.tag_name().name(), root.attribute("role")), ("svg", Some("img")));
        root.attribute("aria-label").unwrap().to_owned()
    }

    #[test]
    fn a_badge_says_how_much_of_what_was_checked_passes() {
        let (_place, record) = fixture::finished();
        assert_eq!(said(&record), "conformance: 1 of 6 pass");
        assert_eq!(told(&record).1, "#b4232f");
    }

    #[test]
    fn nothing_is_green_that_is_not_whole() {
        let (_place, mut record) = fixture::unfinished();
        assert_eq!(said(&record), "conformance: unfinished");
        record.footer = Some(fixture::footer());
        record.outcomes.retain(|outcome| outcome.verdict == Verdict::Partial);
        assert_ne!(told(&record).1, "#1a7f4b");
        record.outcomes.clear();
        assert_eq!(said(&record), "conformance: nothing checked");
    }
}
