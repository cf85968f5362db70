//! The report for people and pull requests, in Markdown as code forges show it.

use super::summary::{answer, duration, flaky};
use super::{Group, Summary, plain, reason};
use crate::outcome::{Outcome, Verdict};
use crate::record::{Record, evidence_path};
use std::fmt::Write as _;

/// How much of an observed value is shown.
const SHOWN: usize = 300;

/// The report as Markdown.
pub(super) fn render(record: &Record) -> String {
    let summary = Summary::of(record);
    let mut page = String::new();
    head(&mut page, record, &summary);
    groups(&mut page, "Phases", &summary.phases);
    groups(&mut page, "Areas", &summary.areas);
    flaky_ones(&mut page, record);
    section(&mut page, record, Verdict::Fail, "Failed", failed);
    section(&mut page, record, Verdict::Error, "Could not be looked at", with_reason);
    section(&mut page, record, Verdict::Partial, "Passed in part", in_part);
    section(&mut page, record, Verdict::Skip, "Skipped", with_reason);
    section(&mut page, record, Verdict::Pass, "Passed", in_short);
    unchecked(&mut page, record);
    page
}

/// Adds a line; writing to a text cannot fail.
macro_rules! add {
    ($page:expr, $($words:tt)*) => {
        writeln!($page, $($words)*).expect("a text can always grow")
    };
}
pub(super) use add;

fn head(page: &mut String, record: &Record, summary: &Summary) {
    let header = &record.header;
    add!(page, "# Conformance of {}\n", inline(&header.target));
    if let Some(damage) = &record.damage {
        add!(page, "> **This record is damaged:** {}.\n", inline(damage));
    } else if record.footer.is_none() {
        add!(page, "> **This run was broken off before its end.**\n");
    }
    if !summary.missing.is_empty() {
        add!(page, "> Without an outcome: {}.\n", ranges(&summary.missing));
    }
    add!(page, "**{}** of {} features.\n", summary.tally.words(), header.catalogue.features);
    add!(page, "| | |\n|---|---|");
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
    for (name, value) in ours {
        add!(page, "| {name} | {} |", inline(&value));
    }
    if let Some(value) = answer(record) {
        add!(page, "| an answer took | {} |", inline(&value));
    }
    for (name, value) in &header.facts {
        add!(page, "| {} | {} |", inline(name), inline(value));
    }
    add!(page, "");
}

fn groups(page: &mut String, title: &str, groups: &[Group]) {
    add!(page, "## {title}\n");
    add!(page, "| | features | pass | partial | fail | error | skip | unchecked |");
    add!(page, "|---|---|--:|--:|--:|--:|--:|--:|");
    for group in groups.iter().filter(|group| group.tally.all() > 0) {
        let name = match group.phase {
            Some(number) => format!("{number} {}", group.name),
            None => group.name.to_owned(),
        };
        let counts = Verdict::ALL.map(|verdict| group.tally.count(verdict).to_string()).join(" | ");
        add!(page, "| {name} | {} to {} | {counts} |", group.numbers.start(), group.numbers.end());
    }
    add!(page, "");
}

fn section(
    page: &mut String,
    record: &Record,
    verdict: Verdict,
    title: &str,
    write: fn(&mut String, &Record, &Outcome),
) {
    let mut outcomes = record.outcomes.iter().filter(|outcome| outcome.verdict == verdict).peekable();
    if outcomes.peek().is_some() {
        add!(page, "## {title}\n");
        outcomes.for_each(|outcome| write(page, record, outcome));
        if !page.ends_with("\n\n") {
            add!(page, "");
        }
    }
}

fn flaky_ones(page: &mut String, record: &Record) {
    let flaky = flaky(record);
    if flaky.is_empty() {
        return;
    }
    add!(
        page,
        "## Flaky\n\nThe rounds came to different verdicts; the worst of them counts, and no gate lets it pass.\n"
    );
    for outcome in flaky {
        let (number, rounds) = (outcome.feature, outcome.rounds_in_words());
        add!(page, "- **{number}** {}: {rounds}", inline(&outcome.description));
    }
    add!(page, "");
}

fn failed(page: &mut String, record: &Record, outcome: &Outcome) {
    add!(page, "### {} {}\n", outcome.feature, inline(&outcome.description));
    for (step, one) in reason::failures(outcome) {
        add!(page, "- **Step {}: {}**", step.step, inline(&step.text));
        add!(page, "  - requirement: {}", inline(&one.requirement));
        add!(page, "  - expected: {}", inline(&one.expected));
        add!(page, "  - observed: {}", code(&plain::short(&plain::observed(&one.observed), SHOWN)));
    }
    if evidence_path(&record.dir, outcome.feature).is_file() {
        add!(page, "- evidence: `evidence/f{:03}.jsonl`", outcome.feature);
    }
    add!(page, "");
}

fn with_reason(page: &mut String, _record: &Record, outcome: &Outcome) {
    let because = reason::because(outcome).unwrap_or_default();
    add!(page, "- **{}** {}: {}", outcome.feature, inline(&outcome.description), inline(&because));
}

fn in_part(page: &mut String, _record: &Record, outcome: &Outcome) {
    add!(page, "- **{}** {}", outcome.feature, inline(&outcome.description));
    for line in reason::unobserved(outcome) {
        add!(page, "  - {}", inline(&line));
    }
}

fn in_short(page: &mut String, _record: &Record, outcome: &Outcome) {
    add!(page, "- **{}** {}", outcome.feature, inline(&outcome.description));
}

fn unchecked(page: &mut String, record: &Record) {
    let outcomes = record.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Unchecked);
    let numbers: Vec<u16> = outcomes.map(|outcome| outcome.feature).collect();
    if !numbers.is_empty() {
        add!(page, "## Not checked yet\n\n{}", ranges(&numbers));
    }
}

/// `1-3, 7`.
pub(super) fn ranges(numbers: &[u16]) -> String {
    let runs = numbers.chunk_by(|one, next| one + 1 == *next);
    let each = runs.map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// A text within a line or a cell, in which no character means anything to Markdown or HTML. A backslash keeps
/// characters literal that would begin markup; an address is kept from becoming a link, and `@` from calling someone.
pub(super) fn inline(text: &str) -> String {
    plain::line(text).chars().fold(String::new(), |mut safe, letter| {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '@' => safe.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '$' => safe.extend(['\\', letter]),
            _ => safe.push(letter),
        }
        safe
    })
}

/// A value as code, whatever back quotes it holds.
fn code(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;
    use crate::report::snapshot;

    #[test]
    fn the_report_is_as_its_snapshot() {
        let (_place, record) = fixture::finished();
        snapshot("report.md", &render(&record));
    }

    #[test]
    fn a_run_that_broke_off_says_so_first() {
        let (_place, record) = fixture::unfinished();
        let page = render(&record);
        let head: String = page.lines().take(6).collect();
        assert!(head.contains("broken off before its end") && head.contains("Without an outcome: 679"), "{page}");
    }

    #[test]
    fn text_of_a_target_stays_text() {
        assert_eq!(inline("<b>*x*</b> | @you\n::error::"), "&lt;b&gt;\\*x\\*&lt;/b&gt; \\| &#64;you␊::error::");
        assert_eq!(code("a ``b`` c"), "``` a ``b`` c ```");
        let (_place, record) = fixture::finished();
        let page = render(&record);
        assert!(!page.chars().any(|letter| letter.is_control() && letter != '\n'));
        assert!(!page.lines().any(|line| line.trim_start().starts_with("::")));
    }

    #[test]
    fn neighbours_are_told_as_ranges() {
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
    }
}
