//! Counts a record: in all, by phase and by area.

use crate::catalogue::{Area, PHASES};
use crate::outcome::{Outcome, Verdict};
use crate::record::Record;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// How many features have which verdict; every verdict has its number, 0 included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<Verdict, usize>);

impl Tally {
    /// Counts outcomes.
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Tally {
        let mut counts: BTreeMap<Verdict, usize> = Verdict::ALL.map(|verdict| (verdict, 0)).into();
        for outcome in outcomes {
            *counts.entry(outcome.verdict).or_default() += 1;
        }
        Tally(counts)
    }

    /// How many have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.0.get(&verdict).copied().unwrap_or_default()
    }

    /// How many there are.
    pub fn all(&self) -> usize {
        self.0.values().sum()
    }

    /// How many have a check.
    pub fn checked(&self) -> usize {
        self.all() - self.count(Verdict::Unchecked)
    }

    /// `2 pass, 1 fail`, in the order of reports; `nothing` where nothing was counted.
    pub fn words(&self) -> String {
        let present = Verdict::ALL.into_iter().filter(|verdict| self.count(*verdict) > 0);
        let words: Vec<String> = present.map(|verdict| format!("{} {verdict}", self.count(verdict))).collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }
}

/// The features of a phase or an area, with what was found about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Number of a phase; none for an area.
    pub phase: Option<u8>,
    /// What it is called.
    pub name: &'static str,
    /// The numbers of all its features.
    pub numbers: RangeInclusive<u16>,
    /// What was found about those in the record.
    pub tally: Tally,
}

/// The counts of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// All outcomes.
    pub tally: Tally,
    /// All phases, also those without an outcome.
    pub phases: Vec<Group>,
    /// All areas, also those without an outcome.
    pub areas: Vec<Group>,
    /// Features that were selected and have no outcome.
    pub missing: Vec<u16>,
}

impl Summary {
    /// Counts a record.
    pub fn of(record: &Record) -> Summary {
        let group = |phase, name, numbers: RangeInclusive<u16>| Group {
            phase,
            name,
            tally: Tally::of(record.outcomes.iter().filter(|outcome| numbers.contains(&outcome.feature))),
            numbers,
        };
        let phases = PHASES.iter().map(|phase| group(Some(phase.number), phase.name, phase.features.clone()));
        let areas = Area::all().map(|area| group(None, area.name(), area.numbers()));
        Summary {
            tally: Tally::of(&record.outcomes),
            phases: phases.collect(),
            areas: areas.collect(),
            missing: record.missing(),
        }
    }
}

/// `12 ms`, `1.2 s`, `3 min 5 s`.
pub(super) fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 59_950.0 => format!("{:.1} s", ms / 1000.0),
        ms => {
            let seconds = (ms / 1000.0).round();
            format!("{:.0} min {:.0} s", (seconds / 60.0).floor(), seconds % 60.0)
        }
    }
}

/// Features whose rounds came to different verdicts, so that none of them can be relied on.
pub(super) fn flaky(record: &Record) -> Vec<&Outcome> {
    record.outcomes.iter().filter(|outcome| outcome.is_flaky()).collect()
}

/// `1 flaky: 44 (pass 9, error 1)`; nothing where none is.
pub(super) fn flaky_in_words(record: &Record) -> Option<String> {
    let flaky = flaky(record);
    let each = flaky.iter().map(|outcome| format!("{} ({})", outcome.feature, outcome.rounds_in_words()));
    let each = each.collect::<Vec<_>>().join(", ");
    (!flaky.is_empty()).then(|| format!("{} flaky: {each}", flaky.len()))
}

/// How fast the target answered, and how long a check had in consequence: `12.5 ms, so a check had 1 min 32 s`.
pub(super) fn answer(record: &Record) -> Option<String> {
    let deadlines = record.footer.as_ref()?.deadlines?;
    Some(format!("{} ms, so a check had {}", deadlines.answer_ms, duration(deadlines.check_s * 1000.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;

    #[test]
    fn phases_and_areas_each_add_up_to_the_whole() {
        let (_place, record) = fixture::finished();
        let summary = Summary::of(&record);
        assert_eq!(summary.tally.words(), "1 pass, 1 partial, 2 fail, 1 error, 1 skip, 2 unchecked");
        assert_eq!(summary.tally.checked(), 6);
        for groups in [&summary.phases, &summary.areas] {
            assert_eq!(groups.iter().map(|group| group.tally.all()).sum::<usize>(), summary.tally.all());
        }
        assert_eq!(summary.missing, Vec::<u16>::new());
    }

    #[test]
    fn a_run_that_broke_off_has_missing_features() {
        let (_place, record) = fixture::unfinished();
        assert_eq!(Summary::of(&record).missing, [679]);
    }

    #[test]
    fn durations_have_a_unit_that_suits_them() {
        let told = [0.4, 12.0, 999.4, 999.6, 1234.0, 59_949.0, 59_990.0, 185_000.0].map(duration);
        assert_eq!(told, ["0 ms", "12 ms", "999 ms", "1.0 s", "1.2 s", "59.9 s", "1 min 0 s", "3 min 5 s"]);
    }
}
