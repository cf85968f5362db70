//! Judges a record: whether everything that was asked for has passed, and if not, what has not and why.

use crate::baseline::Baseline;
use crate::outcome::Verdict;
use crate::record::Record;
use crate::report::reason;
use crate::selection::Selection;
use std::fmt;

/// What a gate says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GateVerdict {
    /// What is wrong with the record as a whole; then nothing passes.
    pub record: Option<String>,
    /// Features that passed, partial ones included where they are accepted.
    pub passed: Vec<u16>,
    /// Of the features that passed: what was not observed, or is known to fail.
    pub unobserved: Vec<Remark>,
    /// Features that did not pass.
    pub refused: Vec<Remark>,
    /// What is wrong with the baseline; then the gate is not passed either.
    pub rotten: Vec<String>,
}

/// A feature and what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The number of the feature.
    pub feature: u16,
    /// What is to be said.
    pub what: String,
}

/// Judges the selected features of a record. Only `pass` passes; `accept_partial` widens that to `partial`, and a
/// baseline to failures that are known.
pub fn judge(record: &Record, selection: &Selection, accept_partial: bool, known: &Baseline) -> GateVerdict {
    let mut verdict = GateVerdict { record: unfit(record), ..GateVerdict::default() };
    for feature in selection.numbers().iter().copied() {
        let remark = |what: String| Remark { feature, what };
        match record.outcome(feature) {
            None => verdict.refused.push(remark("has no outcome in this record".to_owned())),
            Some(outcome) if outcome.is_flaky() => {
                verdict.refused.push(remark(outcome.flaky().unwrap_or_default()));
            }
            Some(outcome) if outcome.verdict == Verdict::Pass => verdict.passed.push(feature),
            Some(outcome) if outcome.verdict == Verdict::Partial && accept_partial => {
                verdict.passed.push(feature);
                verdict.unobserved.extend(reason::unobserved(outcome).map(remark));
            }
            Some(outcome) => match known.accepts(outcome) {
                Some(reasons) => {
                    verdict.passed.push(feature);
                    verdict.unobserved.extend(reasons.into_iter().map(remark));
                }
                None => verdict.refused.push(remark(reason::why(outcome))),
            },
        }
    }
    verdict
}

impl GateVerdict {
    /// Whether everything passed. A gate through which nothing went has not been passed.
    pub fn passes(&self) -> bool {
        self.record.is_none() && self.rotten.is_empty() && self.refused.is_empty() && !self.passed.is_empty()
    }
}

fn unfit(record: &Record) -> Option<String> {
    match (&record.damage, &record.footer) {
        (Some(damage), _) => Some(format!("the record is damaged: {damage}")),
        (None, None) => Some("the run was broken off before its end".to_owned()),
        (None, Some(_)) => None,
    }
}

impl fmt::Display for GateVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(what) = &self.record {
            writeln!(f, "not passed: {what}")?;
        }
        for what in &self.rotten {
            writeln!(f, "not passed: {what}")?;
        }
        for Remark { feature, what } in &self.refused {
            writeln!(f, "not passed: feature {feature}: {what}")?;
        }
        for Remark { feature, what } in &self.unobserved {
            writeln!(f, "accepted:   feature {feature}: {what}")?;
        }
        let asked = self.passed.len() + self.refused.len();
        let gate = if self.passes() { "passed" } else { "not passed" };
        write!(f, "gate {gate}: {} of {asked} selected features passed", self.passed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::record::fixture;

    fn selection(words: &[&str]) -> Selection {
        let entry = r#"{"category":"functional","description":"d","steps":[],"passes":false}"#;
        let catalogue = Catalogue::parse(&format!("[{}]", vec![entry; 679].join(",")), "list.json").unwrap();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Selection::parse(&words, &catalogue, &[], None).unwrap()
    }

    #[test]
    fn only_a_pass_passes() {
        let (_place, record) = fixture::finished();
        assert!(judge(&record, &selection(&["41"]), false, &Baseline::default()).passes());
        for feature in ["42", "43", "44", "45", "46", "100"] {
            let verdict = judge(&record, &selection(&[feature]), false, &Baseline::default());
            assert!(!verdict.passes(), "feature {feature}");
            assert!(
                !judge(&record, &selection(&["41", feature]), false, &Baseline::default()).passes(),
                "feature {feature}"
            );
        }
    }

    #[test]
    fn partial_passes_where_it_is_accepted_and_says_what_was_not_observed() {
        let (_place, record) = fixture::finished();
        let verdict = judge(&record, &selection(&["41", "43"]), true, &Baseline::default());
        assert!(verdict.passes());
        assert_eq!(
            verdict.to_string(),
            "accepted:   feature 43: step 2 was not observed: needs patience 61 s\n\
             gate passed: 2 of 2 selected features passed"
        );
        for feature in ["42", "44", "45", "46", "100"] {
            assert!(!judge(&record, &selection(&[feature]), true, &Baseline::default()).passes(), "feature {feature}");
        }
    }

    #[test]
    fn nothing_passes_in_a_record_that_is_unfinished_or_damaged() {
        let (_place, record) = fixture::unfinished();
        assert!(!judge(&record, &selection(&["41"]), true, &Baseline::default()).passes());
        let (_place, mut record) = fixture::finished();
        record.damage = Some("line 9 breaks off".into());
        assert!(!judge(&record, &selection(&["41"]), true, &Baseline::default()).passes());
    }

    #[test]
    fn a_verdict_that_changes_from_round_to_round_does_not_pass() {
        let (_place, mut record) = fixture::finished();
        let passing = record.outcomes.iter_mut().find(|outcome| outcome.feature == 41).unwrap();
        passing.rounds = [(Verdict::Pass, 20)].into();
        assert!(judge(&record, &selection(&["41"]), false, &Baseline::default()).passes());
        let passing = record.outcomes.iter_mut().find(|outcome| outcome.feature == 41).unwrap();
        passing.rounds = [(Verdict::Pass, 19), (Verdict::Partial, 1)].into();
        let verdict = judge(&record, &selection(&["41"]), true, &Baseline::default());
        assert!(!verdict.passes());
        assert!(verdict.to_string().contains("feature 41: flaky: pass 19, partial 1"), "{verdict}");
    }

    #[test]
    fn a_refusal_says_why_in_one_line_for_each_feature() {
        let (_place, record) = fixture::finished();
        let told = judge(&record, &selection(&["41-46", "64"]), false, &Baseline::default()).to_string();
        assert_eq!(told.lines().count(), 7, "{told}");
        assert!(told.contains("feature 42: fail: step 2: status of the 101st request: expected 429, observed"));
        assert!(told.contains("feature 43: partial: step 2: needs patience 61 s"));
        assert!(told.contains("feature 45: skip: needs power to stop and start services"));
        assert!(told.contains("feature 46: unchecked: no check exists yet"));
        assert!(told.contains("expected at most 3600, observed 7200"));
        assert!(!told.chars().any(|letter| letter.is_control() && letter != '\n'), "{told:?}");
    }
}
