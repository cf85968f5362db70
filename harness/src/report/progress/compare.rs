//! Two records side by side: which features pass newly, which no longer, and what keeps the two from being compared.

use super::share::Share;
use crate::outcome::{Outcome, Verdict};
use crate::record::Record;
use crate::report::plain;

/// A record and the earlier one that it is held against.
pub(super) struct Comparison<'a> {
    /// The run that is reported.
    pub(super) record: &'a Record,
    /// The run before.
    pub(super) before: Option<&'a Record>,
    /// Outcomes of features that pass and did not before.
    pub(super) gained: Vec<&'a Outcome>,
    /// Outcomes of features that passed before and no longer do.
    pub(super) lost: Vec<&'a Outcome>,
    /// How many features passed before and were not looked at again.
    not_again: usize,
}

impl<'a> Comparison<'a> {
    pub(super) fn of(record: &'a Record, before: Option<&'a Record>) -> Comparison<'a> {
        let passed = |feature: u16| before.is_some_and(|before| before.outcome(feature).is_some_and(passes));
        let changed = |now: bool| {
            let outcomes = record.outcomes.iter();
            outcomes.filter(move |one| passes(one) == now && passed(one.feature) != now).collect()
        };
        let earlier = before.map_or(&[][..], |before| &before.outcomes);
        let again = |one: &&Outcome| record.outcome(one.feature).is_some();
        Comparison {
            record,
            before,
            gained: changed(true),
            lost: changed(false),
            not_again: earlier.iter().filter(|one| passes(one) && !again(one)).count(),
        }
    }

    /// What is known of a feature, from the reported run or else from the earlier one.
    pub(super) fn known(&self, feature: u16) -> Option<&'a Outcome> {
        self.record.outcome(feature).or_else(|| self.before?.outcome(feature))
    }

    /// `42 of 679 features pass (6.19%), 2 more than before.`
    pub(super) fn lead(&self) -> String {
        let share = passing(self.record);
        let than = match self.before.map(passing) {
            None => String::new(),
            Some(before) if before.part == share.part => ", as many as before".to_owned(),
            Some(before) => {
                let word = if share.part > before.part { "more" } else { "fewer" };
                format!(", {} {word} than before", share.part.abs_diff(before.part))
            }
        };
        format!("{} of {} features pass ({}){than}.", share.part, share.whole, share.percent())
    }

    /// What a reader must know before believing any number of the report.
    pub(super) fn caveats(&self) -> Vec<String> {
        let mut caveats = Vec::new();
        caveats.extend(unwhole(self.record, "This"));
        match self.before {
            None => caveats
                .push("There is no earlier record to compare with: whatever passes counts as accomplished.".to_owned()),
            Some(before) => caveats.extend(self.against(before)),
        }
        caveats
    }

    fn against(&self, before: &Record) -> Vec<String> {
        let mut caveats: Vec<String> = unwhole(before, "The earlier").into_iter().collect();
        let (now, then) = (&self.record.header, &before.header);
        if now.catalogue != then.catalogue {
            caveats.push("The two runs went by different catalogues: a feature may demand something else now.".into());
        }
        if now.target != then.target {
            let [now, then] = [now, then].map(|header| plain::line(&header.target));
            caveats.push(format!("The two runs looked at different targets, {then} before and {now} now."));
        }
        if self.not_again > 0 {
            caveats.push(format!(
                "This run looked at {} features. {} that passed before were not looked at again, and count as not passing.",
                self.record.outcomes.len(),
                self.not_again
            ));
        }
        caveats
    }
}

fn unwhole(record: &Record, which: &str) -> Option<String> {
    match (&record.damage, &record.footer) {
        (Some(damage), _) => Some(format!("{which} record is damaged: {}.", plain::line(damage))),
        (None, None) => Some(format!("{which} run was broken off before its end.")),
        (None, Some(_)) => None,
    }
}

pub(super) fn passes(outcome: &Outcome) -> bool {
    outcome.verdict == Verdict::Pass
}

/// How many features of the whole catalogue pass.
pub(super) fn passing(record: &Record) -> Share {
    let pass = record.outcomes.iter().filter(|outcome| passes(outcome)).count();
    Share::new(pass, record.header.catalogue.features)
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    fn numbers(outcomes: &[&Outcome]) -> Vec<u16> {
        outcomes.iter().map(|outcome| outcome.feature).collect()
    }

    #[test]
    fn what_passes_newly_and_what_no_longer_does_are_told_apart() {
        let [before, after] = golden::records();
        let forth = Comparison::of(&after, Some(&before));
        assert_eq!((numbers(&forth.gained), numbers(&forth.lost)), (vec![41, 42], vec![]));
        let back = Comparison::of(&before, Some(&after));
        assert_eq!((numbers(&back.gained), numbers(&back.lost)), (vec![], vec![41, 42]));
        assert_eq!(back.lead(), "40 of 679 features pass (5.89%), 2 fewer than before.");
        assert_eq!(forth.caveats(), Vec::<String>::new());
    }

    #[test]
    fn features_that_were_not_looked_at_again_are_neither_gained_nor_lost() {
        let [before, mut after] = golden::records();
        after.outcomes.retain(|outcome| outcome.feature > 40);
        let comparison = Comparison::of(&after, Some(&before));
        assert_eq!((numbers(&comparison.gained), comparison.lost.len()), (vec![41, 42], 0));
        assert!(comparison.caveats()[0].contains("40 that passed before were not looked at again"));
    }

    #[test]
    fn whatever_spoils_the_comparison_is_said() {
        let [mut before, mut after] = golden::records();
        before.footer = None;
        before.header.target = "other".into();
        before.header.catalogue.hash = "another".into();
        after.damage = Some("line 9 breaks off".into());
        let caveats = Comparison::of(&after, Some(&before)).caveats().join(" ");
        for words in ["record is damaged", "earlier run was broken off", "different catalogues", "other before"] {
            assert!(caveats.contains(words), "{caveats}");
        }
        assert!(Comparison::of(&after, None).caveats()[1].contains("no earlier record"));
    }
}
