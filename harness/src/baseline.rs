//! Known failures that a gate lets pass, and that may not rot: an entry that no longer fits fails the gate itself.

use crate::outcome::{Outcome, Verdict};
use crate::record::Record;
use crate::report::plain;
use chrono::NaiveDate;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file cannot be read.
    #[error("the baseline {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something in the file is wrong.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong, and what was expected.
        problem: String,
    },
}

/// The known failures of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: Vec<Entry>,
}

/// One requirement that is known not to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    feature: u16,
    step: u8,
    /// The words of the requirement: what tells this failure from another one of the same step.
    requirement: String,
    reason: String,
    expires: NaiveDate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    accepted: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    feature: u16,
    step: u8,
    requirement: String,
    reason: Spanned<String>,
    expires: Spanned<String>,
}

impl Baseline {
    /// Reads a baseline: TOML with a table `[[accepted]]` for each known failure.
    ///
    /// # Errors
    /// Names line and column of what is wrong.
    pub fn load(path: &Path) -> Result<Baseline, BaselineError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| BaselineError::Unreadable { path: path.to_owned(), source })?;
        Baseline::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Baseline, BaselineError> {
        let wrong = |at: usize, problem: String| {
            let before = text.get(..at).unwrap_or(text);
            let line_start = before.rfind('\n').map_or(0, |at| at + 1);
            let (line, column) = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
            BaselineError::Wrong { path: path.to_owned(), line, column, problem }
        };
        let file: File = toml::from_str(text)
            .map_err(|error| wrong(error.span().unwrap_or_default().start, plain::line(error.message())))?;
        let entry = |table: Table| {
            if table.reason.as_ref().trim().is_empty() {
                return Err(wrong(
                    table.reason.span().start,
                    "expected a reason; who reads this later asks".to_owned(),
                ));
            }
            let expires = table.expires.as_ref().parse().map_err(|_| {
                wrong(table.expires.span().start, "expected the last day it holds, as in \"2027-01-31\"".to_owned())
            })?;
            let (feature, step, requirement) = (table.feature, table.step, table.requirement);
            Ok(Entry { feature, step, requirement, reason: table.reason.into_inner(), expires })
        };
        Ok(Baseline { entries: file.accepted.into_iter().map(entry).collect::<Result<_, _>>()? })
    }

    /// The reasons why a failure is accepted, if all that fails of it is known; nothing where anything else does.
    pub fn accepts(&self, outcome: &Outcome) -> Option<Vec<String>> {
        if outcome.verdict != Verdict::Fail {
            return None;
        }
        let mut reasons = BTreeSet::new();
        for (step, requirement) in failures(outcome) {
            let known = self.entries.iter().find(|entry| entry.is(outcome.feature, step, requirement))?;
            reasons.insert(format!("step {step}: {requirement}: {} (until {})", known.reason, known.expires));
        }
        Some(reasons.into_iter().collect())
    }

    /// What is wrong with the baseline itself: entries that have expired, and entries that fit nothing any more.
    pub fn rotten(&self, record: &Record, today: NaiveDate) -> Vec<String> {
        self.entries.iter().filter_map(|entry| Some(format!("{entry}: {}", entry.rot(record, today)?))).collect()
    }

    /// A baseline of everything that fails in a record, as the text of a file.
    pub fn of(record: &Record, reason: &str, expires: NaiveDate) -> String {
        let mut text = String::from("# Known failures: what fails otherwise, passes, or has expired fails the gate.\n");
        for outcome in &record.outcomes {
            for (step, requirement) in failures(outcome) {
                let [requirement, reason] = [requirement, reason].map(quoted);
                let feature = outcome.feature;
                let _ = write!(
                    text,
                    "\n[[accepted]]\nfeature = {feature}\nstep = {step}\nrequirement = {requirement}\nreason = {reason}\nexpires = \"{expires}\"\n"
                );
            }
        }
        text
    }
}

impl Entry {
    fn is(&self, feature: u16, step: u8, requirement: &str) -> bool {
        self.feature == feature && self.step == step && self.requirement == requirement
    }

    fn rot(&self, record: &Record, today: NaiveDate) -> Option<String> {
        if self.expires < today {
            return Some(format!("it expired on {}", self.expires));
        }
        let Some(outcome) = record.outcome(self.feature) else {
            return Some("the record has no outcome of the feature".to_owned());
        };
        if failures(outcome).any(|(step, requirement)| self.is(outcome.feature, step, requirement)) {
            return None;
        }
        let step = outcome.steps.iter().find(|step| step.step == self.step);
        Some(match step.map(|step| step.verdict) {
            None => "the feature has no such step".to_owned(),
            Some(Verdict::Fail) => "the step fails in something else".to_owned(),
            Some(verdict) => format!("the step is {verdict} now; take the entry out"),
        })
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "baseline: feature {}, step {}, {}", self.feature, self.step, self.requirement)
    }
}

/// A text as a basic string of TOML, which escapes as JSON does, and DEL as well.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// Every requirement of an outcome that does not hold, once, with its step.
fn failures(outcome: &Outcome) -> impl Iterator<Item = (u8, &str)> {
    let failing = outcome.steps.iter().filter(|step| step.verdict == Verdict::Fail);
    let all = failing.flat_map(|step| {
        let broken = step.expectations.iter().filter(|one| !one.holds);
        broken.map(|one| (step.step, one.requirement.as_str()))
    });
    all.collect::<BTreeSet<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn of_the_fixture() -> (tempfile::TempDir, Record, Baseline) {
        let (place, record) = fixture::finished();
        let text = Baseline::of(&record, "being mended", day("2030-01-01"));
        let baseline = Baseline::parse(Path::new("known.toml"), &text).unwrap();
        (place, record, baseline)
    }

    #[test]
    fn what_is_known_is_accepted_with_its_reason() {
        let (_place, record, baseline) = of_the_fixture();
        let failing: Vec<&Outcome> = record.outcomes.iter().filter(|one| one.verdict == Verdict::Fail).collect();
        assert!(!failing.is_empty());
        for outcome in failing {
            let reasons = baseline.accepts(outcome).unwrap();
            assert!(reasons[0].contains("being mended (until 2030-01-01)"), "{reasons:?}");
        }
        assert_eq!(baseline.rotten(&record, day("2029-12-31")), Vec::<String>::new());
        assert_eq!(baseline.accepts(&record.outcomes[0]), None);
    }

    #[test]
    fn another_failure_of_the_same_step_is_not_known() {
        let (_place, mut record, baseline) = of_the_fixture();
        let outcome = record.outcomes.iter_mut().find(|one| one.verdict == Verdict::Fail).unwrap();
        let step = outcome.steps.iter_mut().find(|step| step.verdict == Verdict::Fail).unwrap();
        step.expectations.iter_mut().find(|one| !one.holds).unwrap().requirement = "something else".to_owned();
        assert_eq!(baseline.accepts(outcome), None);
        let rotten = baseline.rotten(&record, day("2029-01-01"));
        assert!(rotten.iter().any(|line| line.contains("fails in something else")), "{rotten:?}");
    }

    #[test]
    fn what_passes_now_or_has_expired_is_told() {
        let (_place, mut record, baseline) = of_the_fixture();
        let rotten = baseline.rotten(&record, day("2030-01-02"));
        assert!(!rotten.is_empty() && rotten.iter().all(|line| line.contains("expired on 2030-01-01")), "{rotten:?}");
        for step in record.outcomes.iter_mut().flat_map(|outcome| &mut outcome.steps) {
            step.verdict = Verdict::Pass;
        }
        let rotten = baseline.rotten(&record, day("2029-01-01"));
        assert!(rotten.iter().all(|line| line.contains("is pass now; take the entry out")), "{rotten:?}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let file = |entry: &str| Baseline::parse(Path::new("known.toml"), entry).unwrap_err().to_string();
        let sound = "[[accepted]]\nfeature = 41\nstep = 2\nrequirement = \"r\"\n";
        let told = file(&format!("{sound}reason = \" \"\nexpires = \"2030-01-01\"\n"));
        assert!(told.starts_with("known.toml:5:10: expected a reason"), "{told}");
        let told = file(&format!("{sound}reason = \"x\"\nexpires = \"soon\"\n"));
        assert!(told.starts_with("known.toml:6:11: expected the last day"), "{told}");
        let told = file("[[accepted]]\nfeature = 41\nsteps = 2\n");
        assert!(told.starts_with("known.toml:3:1: unknown field `steps`"), "{told}");
    }
}
