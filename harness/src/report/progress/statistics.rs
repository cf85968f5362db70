//! Statistics: features, scenarios, steps and time, before and after.

use super::compare::{Comparison, passing};
use super::share::{Share, signed};
use crate::outcome::Verdict;
use crate::record::Record;
use crate::report::summary::duration;
use crate::report::{Tally, plain};
use chrono::DateTime;
use serde::Serialize;

/// A number before and after.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) change: String,
}

/// Up to so many features, the scenarios of each are named in the sum.
const NAMED: usize = 8;

/// All rows. What a record does not know has none.
pub(super) fn rows(comparison: &Comparison<'_>) -> Vec<Row> {
    let (record, before) = (comparison.record, comparison.before);
    let share = |name, of: fn(&Record) -> Share| {
        let (now, then) = (of(record), before.map(of));
        Row {
            name,
            before: then.map(Share::words).unwrap_or_default(),
            after: now.words(),
            change: then.map(|then| now.change_since(then)).unwrap_or_default(),
        }
    };
    let count = |name, of: fn(&Record) -> usize| {
        let (now, then) = (of(record), before.map(of));
        Row {
            name,
            before: then.map(|then| then.to_string()).unwrap_or_default(),
            after: now.to_string(),
            change: then.map(|then| signed(now, then)).unwrap_or_default(),
        }
    };
    let mut rows = vec![
        share("features that pass", passing),
        count("features with a check", |record| Tally::of(&record.outcomes).checked()),
        share("steps that hold, of those with a check", steps),
        share("scenarios that pass", |record| Share::of_scenarios(&record.outcomes)),
    ];
    rows.extend(completed(comparison));
    rows.extend(time(record, before));
    rows
}

fn steps(record: &Record) -> Share {
    let steps = record.outcomes.iter().flat_map(|outcome| &outcome.steps);
    let checked: Vec<Verdict> =
        steps.map(|step| step.verdict).filter(|verdict| *verdict != Verdict::Unchecked).collect();
    Share::new(checked.iter().filter(|verdict| **verdict == Verdict::Pass).count(), checked.len())
}

/// `42 (19 + 23), 100% passing`.
fn completed(comparison: &Comparison<'_>) -> Option<Row> {
    let each: Vec<Share> = comparison.gained.iter().map(|outcome| Share::of_scenarios([*outcome])).collect();
    let all = Share::new(each.iter().map(|one| one.part).sum(), each.iter().map(|one| one.whole).sum());
    let sum: Vec<String> = each.iter().map(|one| one.whole.to_string()).collect();
    let sum = if (2..=NAMED).contains(&sum.len()) { format!(" ({})", sum.join(" + ")) } else { String::new() };
    (!each.is_empty()).then(|| Row {
        name: "scenarios of the features completed",
        before: String::new(),
        after: format!("{}{sum}, {} passing", all.whole, all.short_percent()),
        change: String::new(),
    })
}

fn time(record: &Record, before: Option<&Record>) -> [Row; 2] {
    let took = |record: &Record| record.footer.as_ref().map(|footer| duration(footer.duration_ms)).unwrap_or_default();
    let began = |record: &Record| plain::line(&record.header.started);
    [
        Row {
            name: "the run began",
            before: before.map(began).unwrap_or_default(),
            after: began(record),
            change: before.and_then(|before| between(before, record)).unwrap_or_default(),
        },
        Row {
            name: "the run took",
            before: before.map(took).unwrap_or_default(),
            after: took(record),
            change: String::new(),
        },
    ]
}

/// `8 h 39 min later`.
fn between(before: &Record, record: &Record) -> Option<String> {
    let [then, now] = [before, record].map(|record| DateTime::parse_from_rfc3339(&record.header.started));
    let minutes = now.ok()?.signed_duration_since(then.ok()?).num_minutes();
    let (days, hours, rest) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    match (days, hours, rest) {
        _ if minutes < 0 => None,
        (0, 0, minutes) => Some(format!("{minutes} min later")),
        (0, hours, minutes) => Some(format!("{hours} h {minutes} min later")),
        (days, hours, _) => Some(format!("{days} d {hours} h later")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn the_golden_case_has_its_figures() {
        let [before, after] = golden::records();
        let rows = rows(&Comparison::of(&after, Some(&before)));
        let row = |name| rows.iter().find(|row| row.name == name).unwrap();
        let pass = row("features that pass");
        let told = [&pass.before, &pass.after, &pass.change];
        assert_eq!(told, ["40 of 679 (5.89%)", "42 of 679 (6.19%)", "+2 (+0.30%)"]);
        assert_eq!(row("scenarios of the features completed").after, "42 (19 + 23), 100% passing");
        assert_eq!(row("the run began").change, "8 h 39 min later");
    }

    #[test]
    fn without_an_earlier_record_nothing_is_said_of_before() {
        let [_, after] = golden::records();
        let rows = rows(&Comparison::of(&after, None));
        assert!(rows.iter().all(|row| row.before.is_empty() && row.change.is_empty()));
    }
}
