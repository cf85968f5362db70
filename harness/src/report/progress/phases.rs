//! The phases: how far each is, as a bar and as what it still lacks.

use super::compare::{Comparison, passes};
use super::share::{Share, signed};
use crate::outcome::{Outcome, Verdict};
use crate::report::{Group, Summary};
use serde::Serialize;

/// Letters of a bar in a text.
const LETTERS: usize = 25;
/// Units of a bar in a picture.
const UNITS: usize = 1000;

/// How far a phase is.
#[derive(Debug, Serialize)]
pub(super) struct PhaseProgress {
    pub(super) number: u8,
    pub(super) name: &'static str,
    /// `features 1 to 50`.
    pub(super) features: String,
    pub(super) pass: usize,
    pub(super) of: usize,
    /// `84%`.
    pub(super) percent: String,
    /// `+2`; empty without an earlier record.
    pub(super) change: String,
    pub(super) checked: usize,
    /// `42 of 42 (100.00%)`, or `none`.
    pub(super) scenarios: String,
    /// `complete`, `8 to go`, `not begun`.
    pub(super) state: String,
    /// A bar of letters.
    pub(super) bar: String,
    /// Width of what passed before and passes still, then of what is new, in thousandths of the bar.
    pub(super) kept: usize,
    pub(super) new: usize,
}

/// All phases, also those in which nothing passes.
pub(super) fn phases(comparison: &Comparison<'_>) -> Vec<PhaseProgress> {
    let now = Summary::of(comparison.record).phases;
    let then = comparison.before.map(|before| Summary::of(before).phases);
    let before = |at: usize| then.as_ref().map(|phases| phases[at].tally.count(Verdict::Pass));
    now.iter().enumerate().map(|(at, group)| phase(comparison, group, before(at))).collect()
}

fn phase(comparison: &Comparison<'_>, group: &Group, before: Option<usize>) -> PhaseProgress {
    let within = |outcome: &&Outcome| group.numbers.contains(&outcome.feature);
    let share = Share::new(group.tally.count(Verdict::Pass), group.numbers.len());
    let new = comparison.gained.iter().copied().filter(within).count();
    let of_bar = |count: usize, units: usize| (count * units).checked_div(share.whole).unwrap_or_default();
    let full = of_bar(share.part, LETTERS);
    let scenarios = Share::of_scenarios(comparison.record.outcomes.iter().filter(within));
    let begun = comparison.record.outcomes.iter().filter(within).any(passes) || group.tally.checked() > 0;
    PhaseProgress {
        number: group.phase.unwrap_or_default(),
        name: group.name,
        features: format!("features {} to {}", group.numbers.start(), group.numbers.end()),
        pass: share.part,
        of: share.whole,
        percent: share.short_percent(),
        change: before.map(|before| signed(share.part, before)).unwrap_or_default(),
        checked: group.tally.checked(),
        scenarios: if scenarios.whole == 0 { "none".to_owned() } else { scenarios.words() },
        state: match share.whole - share.part {
            0 => "complete".to_owned(),
            _ if !begun => "not begun".to_owned(),
            left => format!("{left} to go"),
        },
        bar: "█".repeat(full) + &"░".repeat(LETTERS - full),
        kept: of_bar(share.part - new, UNITS),
        new: of_bar(new, UNITS),
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn the_golden_case_has_its_phases() {
        let [before, after] = golden::records();
        let phases = phases(&Comparison::of(&after, Some(&before)));
        let told = |at: usize| {
            let phase: &PhaseProgress = &phases[at];
            (phase.pass, phase.of, phase.percent.as_str(), phase.change.as_str(), phase.state.as_str())
        };
        assert_eq!(phases.len(), 8);
        assert_eq!(told(0), (42, 50, "84%", "+2", "8 to go"));
        assert_eq!(told(1), (0, 60, "0%", "0", "not begun"));
        assert_eq!((phases[0].kept, phases[0].new), (800, 40));
        assert_eq!(phases[0].bar.chars().filter(|letter| *letter == '█').count(), 21);
        assert_eq!(phases.iter().map(|phase| phase.of).sum::<usize>(), 679);
    }
}
