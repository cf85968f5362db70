//! The report for a comment on a pull request: short, the details folded away.

use super::cause::causes;
use super::markdown::{add, inline, ranges};
use super::summary::{duration, flaky_in_words};
use super::{Summary, plain, reason};
use crate::outcome::Verdict;
use crate::record::Record;
use std::fmt::Write as _;

/// Causes of a verdict that are told; a comment has room for 65,536 letters, and its reader for fewer.
const CAUSES: usize = 15;
/// Features of a cause that are told one by one.
const TOLD: usize = 10;
/// Letters of a reason.
const LETTERS: usize = 240;

/// The comment as Markdown.
pub(super) fn render(record: &Record) -> String {
    let summary = Summary::of(record);
    let (tally, mut page) = (&summary.tally, String::new());
    let target = inline(&record.header.target);
    let took = record.footer.as_ref().map(|footer| format!(", in {}", duration(footer.duration_ms)));
    let unsure = !record.finished() || tally.count(Verdict::Error) > 0 || tally.checked() == 0;
    let sign = if tally.count(Verdict::Fail) > 0 {
        "❌"
    } else if unsure {
        "⚠️"
    } else {
        "✅"
    };
    let (pass, checked) = (tally.count(Verdict::Pass), tally.checked());
    add!(page, "### {sign} Conformance of {target}: {pass} of {checked} checked features pass\n");
    if let Some(damage) = &record.damage {
        add!(page, "**This record is damaged:** {}.\n", inline(damage));
    } else if record.footer.is_none() {
        add!(page, "**This run was broken off before its end.**\n");
    }
    if !summary.missing.is_empty() {
        add!(page, "Without an outcome: {}.\n", ranges(&summary.missing));
    }
    add!(page, "{}{}.\n", tally.words(), took.unwrap_or_default());
    if let Some(flaky) = flaky_in_words(record) {
        add!(page, "{}.\n", plain::short(&flaky, LETTERS));
    }
    by_cause(&mut page, record, Verdict::Fail, "fail", true);
    by_cause(&mut page, record, Verdict::Error, "could not be looked at", false);
    in_part(&mut page, record);
    by_cause(&mut page, record, Verdict::Skip, "skipped", false);
    phases(&mut page, &summary);
    page
}

fn by_cause(page: &mut String, record: &Record, verdict: Verdict, word: &str, open: bool) {
    let causes = causes(record, verdict);
    let count: usize = causes.iter().map(|cause| cause.outcomes.len()).sum();
    if count == 0 {
        return;
    }
    let open = if open && causes.len() <= TOLD { " open" } else { "" };
    add!(page, "<details{open}><summary>{count} {word}, by cause</summary>\n");
    for cause in causes.iter().take(CAUSES) {
        let numbers: Vec<u16> = cause.outcomes.iter().map(|outcome| outcome.feature).collect();
        let what = inline(&plain::short(&cause.what, LETTERS));
        add!(page, "- **{what}**: {} ({})", cause.count(), ranges(&numbers));
        for outcome in cause.outcomes.iter().take(if verdict == Verdict::Fail { TOLD } else { 0 }) {
            let because = plain::short(&reason::because(outcome).unwrap_or_default(), LETTERS);
            add!(page, "  - {} {}: {}", outcome.feature, inline(&outcome.description), inline(&because));
        }
    }
    if causes.len() > CAUSES {
        let rest: Vec<u16> = causes[CAUSES..].iter().flat_map(|cause| &cause.outcomes).map(|one| one.feature).collect();
        add!(page, "- {} more causes, of {} features", causes.len() - CAUSES, rest.len());
    }
    add!(page, "\n</details>\n");
}

fn in_part(page: &mut String, record: &Record) {
    let partial: Vec<_> = record.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Partial).collect();
    if partial.is_empty() {
        return;
    }
    add!(page, "<details><summary>{} passed in part</summary>\n", partial.len());
    for outcome in partial.iter().take(2 * TOLD) {
        let missed = reason::unobserved(outcome).next().unwrap_or_default();
        add!(
            page,
            "- {} {}: {}",
            outcome.feature,
            inline(&outcome.description),
            inline(&plain::short(&missed, LETTERS))
        );
    }
    if partial.len() > 2 * TOLD {
        let rest: Vec<u16> = partial[2 * TOLD..].iter().map(|outcome| outcome.feature).collect();
        add!(page, "- and {}", ranges(&rest));
    }
    add!(page, "\n</details>\n");
}

fn phases(page: &mut String, summary: &Summary) {
    add!(page, "<details><summary>Phases</summary>\n");
    add!(page, "| phase | found |\n|---|---|");
    for group in summary.phases.iter().filter(|group| group.tally.all() > 0) {
        let number = group.phase.map(|number| format!("{number} ")).unwrap_or_default();
        add!(page, "| {number}{} | {} |", group.name, group.tally.words());
    }
    add!(page, "\n</details>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::record::fixture;

    #[test]
    fn the_comment_says_the_most_important_thing_first_and_folds_the_rest() {
        let (_place, record) = fixture::finished();
        let page = render(&record);
        assert!(page.starts_with("### ❌ Conformance of reference: 1 of 6 checked features pass\n"), "{page}");
        assert_eq!(page.matches("<details").count(), page.matches("</details>").count());
        assert!(page.contains("<details open><summary>2 fail, by cause</summary>"), "{page}");
        assert!(!page.contains("<script>") && !page.contains('\u{1b}'));
    }

    #[test]
    fn however_much_fails_it_fits_into_a_comment() {
        let (_place, mut record) = fixture::finished();
        let one = record.outcomes[1].clone();
        let other = |feature: u16| {
            let mut outcome = Outcome { feature, ..one.clone() };
            let letters = [feature / 26, feature % 26].map(|at| char::from(b'a' + at as u8));
            outcome.steps[1].expectations[0].requirement = String::from_iter(letters);
            outcome
        };
        record.outcomes = (1..=679).map(other).collect();
        let page = render(&record);
        assert!(page.len() < 60_000, "{}", page.len());
        assert!(page.contains("664 more causes, of 664 features"), "{page}");
    }

    #[test]
    fn a_run_that_broke_off_is_not_green() {
        let (_place, mut record) = fixture::unfinished();
        record.outcomes.retain(|outcome| outcome.verdict == Verdict::Pass);
        let page = render(&record);
        assert!(page.starts_with("### ⚠️") && page.contains("broken off before its end"), "{page}");
    }
}
