//! Outcomes that have their verdict for the same reason, together: what is repaired once stands once.

use super::{plain, reason};
use crate::outcome::{Expectation, Outcome, Verdict};
use crate::record::Record;
use crate::wire::Breakage;
use serde_json::Value;

/// How much of a reason stands in the name of a cause.
const SHOWN: usize = 200;

/// A reason and every outcome that has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cause<'a> {
    /// The reason in one line.
    pub(super) what: String,
    /// The outcomes, ascending by feature; never none.
    pub(super) outcomes: Vec<&'a Outcome>,
}

impl Cause<'_> {
    /// `1 feature`, `12 features`.
    pub(super) fn count(&self) -> String {
        match self.outcomes.len() {
            1 => "1 feature".to_owned(),
            count => format!("{count} features"),
        }
    }
}

/// The causes of a verdict, the one with most features first.
pub(super) fn causes(record: &Record, verdict: Verdict) -> Vec<Cause<'_>> {
    let mut groups: Vec<(String, Cause<'_>)> = Vec::new();
    for outcome in record.outcomes.iter().filter(|outcome| outcome.verdict == verdict) {
        let (key, what) = name(outcome);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, cause)) => {
                if cause.what != what {
                    // What tells the members apart does not name the group.
                    cause.what = plain::short(&key, SHOWN);
                }
                cause.outcomes.push(outcome);
            }
            None => groups.push((key, Cause { what, outcomes: vec![outcome] })),
        }
    }
    let mut causes: Vec<Cause<'_>> = groups.into_iter().map(|(_, cause)| cause).collect();
    causes.sort_by_key(|cause| (std::cmp::Reverse(cause.outcomes.len()), cause.outcomes[0].feature));
    causes
}

/// What outcomes of the same cause share, and what the cause of this one alone is called.
fn name(outcome: &Outcome) -> (String, String) {
    let Some((_, expectation)) = outcome.first_failure() else {
        let because = reason::because(outcome).unwrap_or_else(|| "no reason was given".to_owned());
        let because = without_step(&because);
        return (blanked(because), plain::short(because, SHOWN));
    };
    match answer(expectation) {
        Some(answer) => (answer.clone(), answer),
        None => {
            let difference = reason::difference(expectation);
            (blanked(&difference), difference)
        }
    }
}

/// A wrong status or none at all is one cause, whatever request it answered.
fn answer(expectation: &Expectation) -> Option<String> {
    let observed = expectation.observed.get("silence").unwrap_or(&expectation.observed);
    if let Some(silence) = observed.as_str().filter(|text| Breakage::ALL.iter().any(|one| one.to_string() == *text)) {
        return Some(format!("no answer: {silence}"));
    }
    if !expectation.requirement.to_lowercase().contains("status") {
        return None;
    }
    let expected = plain::line(&expectation.expected);
    match &expectation.observed {
        Value::Null => Some(format!("no answer where status {expected} was expected")),
        Value::Number(status) => Some(format!("status {status} where {expected} was expected")),
        _ => None,
    }
}

fn without_step(because: &str) -> &str {
    let step = because.strip_prefix("step ").and_then(|rest| rest.split_once(": "));
    step.filter(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit())).map_or(because, |(_, rest)| rest)
}

/// The text with `…` for every word that holds a digit: ports, ids and times differ between features.
fn blanked(text: &str) -> String {
    let part_of_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let mut blanked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let inside = part_of_word(letter);
        let end = rest.find(|other| part_of_word(other) != inside).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let varies = inside && word.contains(|letter: char| letter.is_ascii_digit());
        blanked.push_str(if varies { "…" } else { word });
        rest = after;
    }
    blanked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::StepOutcome;
    use crate::record::fixture;
    use serde_json::json;

    fn failing(feature: u16, requirement: &str, expected: &str, observed: Value) -> Outcome {
        let one = Expectation {
            requirement: requirement.into(),
            expected: expected.into(),
            observed,
            holds: false,
            evidence: Vec::new(),
        };
        with_step(feature, Verdict::Fail, vec![one], None)
    }

    fn with_step(feature: u16, verdict: Verdict, expectations: Vec<Expectation>, reason: Option<&str>) -> Outcome {
        let reason = reason.map(str::to_owned);
        let step = StepOutcome { step: 1, text: "s".into(), verdict, expectations, observed_as: None, reason };
        let steps = vec![step];
        Outcome {
            feature,
            description: "d".into(),
            verdict,
            revision: 1,
            steps,
            duration_ms: 1.0,
            reason: None,
            rounds: Default::default(),
        }
    }

    fn told(outcomes: Vec<Outcome>, verdict: Verdict) -> Vec<(String, Vec<u16>)> {
        let (_place, mut record) = fixture::finished();
        record.outcomes = outcomes;
        let causes = causes(&record, verdict);
        causes.iter().map(|one| (one.what.clone(), one.outcomes.iter().map(|one| one.feature).collect())).collect()
    }

    #[test]
    fn a_wrong_status_is_one_cause_whatever_was_asked() {
        let outcomes = vec![
            failing(1, "lines", "at least 1", json!(0)),
            failing(2, "status of /login", "200", json!(404)),
            failing(3, "status of /me", "200", json!(404)),
            failing(4, "status", "200", json!(null)),
            failing(5, "answer", "a body", json!({"silence": "no connection"})),
        ];
        let told = told(outcomes, Verdict::Fail);
        assert_eq!(told[0], ("status 404 where 200 was expected".to_owned(), vec![2, 3]));
        let rest: Vec<&str> = told[1..].iter().map(|(what, _)| what.as_str()).collect();
        assert_eq!(
            rest,
            [
                "lines: expected at least 1, observed 0",
                "no answer where status 200 was expected",
                "no answer: no connection"
            ]
        );
    }

    #[test]
    fn reasons_that_differ_in_a_number_are_one_cause() {
        let error = |feature, reason| with_step(feature, Verdict::Error, Vec::new(), Some(reason));
        let outcomes =
            vec![error(1, "no log"), error(2, "refused at 127.0.0.1:5001"), error(3, "refused at 127.0.0.1:7")];
        let told = told(outcomes, Verdict::Error);
        assert_eq!(told, [("refused at …:…".to_owned(), vec![2, 3]), ("no log".to_owned(), vec![1])]);
    }

    #[test]
    fn every_outcome_of_the_verdict_is_in_one_cause() {
        let (_place, record) = fixture::finished();
        for verdict in Verdict::ALL {
            let count: usize = causes(&record, verdict).iter().map(|cause| cause.outcomes.len()).sum();
            assert_eq!(count, record.totals().get(&verdict).copied().unwrap_or_default(), "{verdict}");
        }
    }
}
