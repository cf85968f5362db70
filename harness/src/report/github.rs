//! Annotations of a GitHub workflow: what failed, by cause, within the few lines that the service shows.

use super::cause::{Cause, causes};
use super::markdown::ranges;
use super::summary::flaky_in_words;
use super::{Summary, plain, reason};
use crate::outcome::Verdict;
use crate::record::Record;

/// So many annotations of a kind are shown for a step; the service drops the rest without a word.
const MOST: usize = 10;
/// Letters of an annotation.
const LONGEST: usize = 1500;
/// Features of a cause that are told with their own reason.
const TOLD: usize = 5;

/// The annotations, a line each: an error for each cause of a failure, a warning for each reason why something could
/// not be looked at, one notice with the totals. No step gets more than it shows, and no job: 21 at most of 50.
pub(super) fn render(record: &Record) -> String {
    let mut lines = Vec::new();
    let mut failed: Vec<(String, String)> = Vec::new();
    if !record.finished() {
        let damage = record.damage.as_deref().unwrap_or("the run was broken off before its end");
        failed.push(("The record is not whole".to_owned(), plain::line(damage)));
    }
    failed.extend(causes(record, Verdict::Fail).iter().map(|cause| told(cause, "fail")));
    annotate(&mut lines, "error", failed);
    let unseen = causes(record, Verdict::Error);
    annotate(&mut lines, "warning", unseen.iter().map(|cause| told(cause, "could not be looked at")).collect());
    let target = plain::line(&record.header.target);
    let words: Vec<String> = [Summary::of(record).tally.words()].into_iter().chain(flaky_in_words(record)).collect();
    lines.push(command("notice", &format!("Conformance of {target}"), &words.join("; ")));
    lines.join("\n") + "\n"
}

/// At most as many as are shown; the last one tells of those beyond.
fn annotate(lines: &mut Vec<String>, kind: &str, mut all: Vec<(String, String)>) {
    if all.len() > MOST {
        let rest: Vec<String> = all.split_off(MOST - 1).into_iter().map(|(title, _)| title).collect();
        all.push((format!("{} more causes", rest.len()), rest.join("\n")));
    }
    lines.extend(all.into_iter().map(|(title, message)| command(kind, &title, &message)));
}

fn told(cause: &Cause<'_>, word: &str) -> (String, String) {
    let numbers: Vec<u16> = cause.outcomes.iter().map(|outcome| outcome.feature).collect();
    let (features, verb) = match numbers.len() {
        1 => ("Feature", if word == "fail" { "fails" } else { word }),
        _ => ("Features", word),
    };
    let title =
        format!("{features} {} {verb}: {}", plain::short(&ranges(&numbers), 80), plain::short(&cause.what, 100));
    let each = cause.outcomes.iter().take(TOLD);
    let mut message: Vec<String> = each
        .map(|outcome| {
            let because = reason::because(outcome).unwrap_or_default();
            format!("{} {}: {because}", outcome.feature, plain::line(&outcome.description))
        })
        .collect();
    if numbers.len() > TOLD {
        message.push(format!("and {} more: {}", numbers.len() - TOLD, ranges(&numbers[TOLD..])));
    }
    (title, message.join("\n"))
}

/// `::error title=…::…`, in which nothing of the text can end a property, a line or the command.
fn command(kind: &str, title: &str, message: &str) -> String {
    let message = data(&plain::text(&plain::short(message, LONGEST)));
    let title = data(&plain::line(title)).replace(':', "%3A").replace(',', "%2C");
    format!("::{kind} title={title}::{message}")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome;
    use crate::record::fixture;

    /// A line as the runner of the service reads it: kind, title and message.
    fn read(line: &str) -> (String, String, String) {
        let rest = line.strip_prefix("::").unwrap();
        let (head, message) = rest.split_once("::").unwrap();
        let (kind, title) = head.split_once(" title=").unwrap();
        assert!(!title.contains([':', ',']), "{title}");
        let plain = |text: &str| {
            let text = text.replace("%0A", "\n").replace("%0D", "\r").replace("%3A", ":").replace("%2C", ",");
            text.replace("%25", "%")
        };
        (kind.to_owned(), plain(title), plain(message))
    }

    fn lines(record: &Record) -> Vec<(String, String, String)> {
        render(record).lines().map(read).collect()
    }

    #[test]
    fn every_cause_is_one_annotation_and_the_runner_reads_it_back() {
        let (_place, record) = fixture::finished();
        let lines = lines(&record);
        let kinds: Vec<&str> = lines.iter().map(|(kind, ..)| kind.as_str()).collect();
        assert_eq!(kinds, ["error", "error", "warning", "notice"]);
        let (_, title, message) = &lines[0];
        assert!(title.starts_with("Feature 42 fails: status of the 101st request: expected 429, observed"), "{title}");
        assert!(message.contains("<script>alert('x')</script> ␛[31mred"), "{message}");
        assert_eq!(
            lines[3].2,
            "1 pass, 1 partial, 2 fail, 1 error, 1 skip, 2 unchecked; 1 flaky: 44 (pass 9, error 1)"
        );
    }

    #[test]
    fn no_step_gets_more_than_it_shows_and_every_feature_is_named() {
        let (_place, mut record) = fixture::finished();
        let one = record.outcomes[1].clone();
        let other = |feature: u16| {
            let mut outcome = Outcome { feature, ..one.clone() };
            let letter = char::from(b'a' + (feature % 26) as u8);
            outcome.steps[1].expectations[0].requirement = format!("100% of {letter}:{letter},{letter}");
            outcome
        };
        record.outcomes = (1..=60).map(other).collect();
        let lines = lines(&record);
        let errors: Vec<_> = lines.iter().filter(|(kind, ..)| kind == "error").collect();
        assert_eq!(errors.len(), MOST);
        assert!(errors[0].1.contains("100% of"), "{:?}", errors[0]);
        assert!(errors[9].1.ends_with("more causes"), "{:?}", errors[9]);
        let all = render(&record);
        assert!(all.lines().count() <= 50 && all.lines().all(|line| line.starts_with("::")));
    }

    #[test]
    fn a_run_that_broke_off_is_an_error() {
        let (_place, record) = fixture::unfinished();
        assert_eq!(lines(&record)[0].1, "The record is not whole");
    }
}
