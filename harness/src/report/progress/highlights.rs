//! Technical highlights, and the figures that were measured: what evidence and expectations of a run tell by themselves.

use super::compare::{Comparison, passes};
use crate::outcome::{Evidence, Expectation, Outcome, Verdict};
use crate::report::evidence_view::headline;
use crate::report::summary::duration;
use crate::report::{ReportError, plain};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// So many features are told of; the report of the run has them all.
const FEATURES: usize = 10;
/// So many figures of each.
const FIGURES: usize = 8;
/// A unit is a few words; what is longer is none.
const LONGEST_UNIT: usize = 30;

/// Both sections.
#[derive(Debug, Serialize)]
pub(super) struct Highlights {
    /// What is told of the run as a whole.
    pub(super) run: Vec<String>,
    pub(super) features: Vec<Highlight>,
    pub(super) figures: Vec<Figure>,
    /// How many features more there would be to tell of.
    pub(super) left_out: usize,
}

/// What is told of one feature.
#[derive(Debug, Serialize)]
pub(super) struct Highlight {
    pub(super) feature: u16,
    pub(super) description: String,
    pub(super) points: Vec<String>,
}

/// A number with a unit that was held against a requirement.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Figure {
    pub(super) feature: u16,
    pub(super) name: String,
    pub(super) measured: String,
    pub(super) expected: String,
}

impl Highlights {
    /// Of the features that pass newly; where none does, of those that pass.
    pub(super) fn of(comparison: &Comparison<'_>) -> Result<Highlights, ReportError> {
        let record = comparison.record;
        let mut looks = Looks::default();
        let mut evidence = BTreeMap::new();
        let checked = record.outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Unchecked);
        let told = told(comparison);
        for outcome in checked.clone() {
            if let Some(seen) = record.evidence(outcome.feature)? {
                looks.add(&seen);
                if told.iter().take(FEATURES).any(|one| one.feature == outcome.feature) {
                    evidence.insert(outcome.feature, seen);
                }
            }
        }
        let mut run = Vec::new();
        run.extend(looks.words().map(|words| format!("The target was looked at {words}.")));
        let together: f64 = checked.map(|outcome| outcome.duration_ms).sum();
        if let Some(footer) = record.footer.as_ref().filter(|footer| footer.duration_ms > 0.0 && together > 0.0) {
            let [together, whole] = [together, footer.duration_ms].map(duration);
            run.push(format!("The checks took {together} one by one, and {whole} beside one another."));
        }
        let shown = || told.iter().take(FEATURES);
        Ok(Highlights {
            run,
            features: shown().map(|outcome| highlight(outcome, evidence.get(&outcome.feature))).collect(),
            figures: shown().flat_map(|outcome| figures(outcome)).collect(),
            left_out: told.len().saturating_sub(FEATURES),
        })
    }
}

fn told<'a>(comparison: &Comparison<'a>) -> Vec<&'a Outcome> {
    match comparison.gained.as_slice() {
        [] => comparison.record.outcomes.iter().filter(|outcome| passes(outcome)).collect(),
        gained => gained.to_vec(),
    }
}

/// How often each probe looked.
#[derive(Default)]
struct Looks(BTreeMap<String, usize>);

impl Looks {
    fn add(&mut self, evidence: &Evidence) {
        for observation in &evidence.observations {
            *self.0.entry(plain::line(&observation.probe)).or_default() += 1;
        }
    }

    /// `12 times: 9 http, 3 log`, the most frequent probe first; none where nobody looked.
    fn words(&self) -> Option<String> {
        let all: usize = self.0.values().sum();
        let mut probes: Vec<_> = self.0.iter().collect();
        probes.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        let each: Vec<String> = probes.iter().map(|(probe, count)| format!("{count} {probe}")).collect();
        let times = if all == 1 { "once".to_owned() } else { format!("{all} times") };
        (all > 0).then(|| format!("{times}: {}", each.join(", ")))
    }
}

fn highlight(outcome: &Outcome, evidence: Option<&Evidence>) -> Highlight {
    let mut points = Vec::new();
    if let Some(evidence) = evidence {
        let mut looks = Looks::default();
        looks.add(evidence);
        let took = duration(outcome.duration_ms);
        points.extend(looks.words().map(|words| format!("looked at {words}; the check took {took}")));
        let http = evidence.observations.iter().filter(|one| one.probe == "http");
        if let Some(slowest) = http.max_by(|one, other| one.took_ms.total_cmp(&other.took_ms)) {
            points.push(format!("slowest answer {}: {}", duration(slowest.took_ms), headline(slowest)));
        }
    }
    points.extend(observed_as(outcome));
    Highlight { feature: outcome.feature, description: plain::line(&outcome.description), points }
}

/// The equivalent observations, each with all the steps that it decided.
fn observed_as(outcome: &Outcome) -> impl Iterator<Item = String> {
    let mut known: Vec<(&str, Vec<String>)> = Vec::new();
    for step in &outcome.steps {
        let Some(what) = step.observed_as.as_deref() else {
            continue;
        };
        let number = step.step.to_string();
        match known.iter_mut().find(|(text, _)| *text == what) {
            Some((_, steps)) => steps.push(number),
            None => known.push((what, vec![number])),
        }
    }
    known.into_iter().map(|(what, steps)| {
        let word = if steps.len() == 1 { "step" } else { "steps" };
        format!("{word} {} observed as: {}", steps.join(", "), plain::line(what))
    })
}

/// The first figures of a feature, none of them twice.
fn figures(outcome: &Outcome) -> Vec<Figure> {
    let mut names = BTreeSet::new();
    let expectations = outcome.steps.iter().flat_map(|step| &step.expectations).filter(|one| one.holds);
    let figures = expectations.filter_map(|one| figure(outcome.feature, one));
    figures.filter(|figure| names.insert(figure.name.clone())).take(FIGURES).collect()
}

/// An expectation about a number that carries a unit. What is exactly as demanded was set and not measured.
fn figure(feature: u16, one: &Expectation) -> Option<Figure> {
    let (name, unit) = unit(&one.requirement)?;
    let Value::Number(number) = &one.observed else {
        return None;
    };
    let number = number.as_f64()?;
    (one.expected.parse() != Ok(number)).then(|| Figure {
        feature,
        name: plain::line(name),
        measured: format!("{} {}", rounded(number), plain::line(unit)),
        expected: plain::line(&one.expected),
    })
}

/// `time until its answer, in ms` and `memory_growth_mb` say their unit; a count has none.
fn unit(requirement: &str) -> Option<(&str, &str)> {
    const ENDINGS: [(&str, &str); 4] = [("_mb", "MB"), ("_ms", "ms"), ("_bytes", "bytes"), ("_percent", "%")];
    if let Some((name, unit)) = requirement.rsplit_once(", in ") {
        return (unit.len() <= LONGEST_UNIT).then_some((name, unit));
    }
    let ending = ENDINGS.iter().find(|(ending, _)| requirement.ends_with(ending));
    Some((requirement.strip_prefix("field ").unwrap_or(requirement), ending?.1))
}

/// At most two decimals, and four where the number is small.
fn rounded(number: f64) -> String {
    let text = if number.abs() < 0.1 { format!("{number:.4}") } else { format!("{number:.2}") };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;
    use serde_json::json;

    fn of(requirement: &str, expected: &str, observed: Value) -> Option<(String, String)> {
        let one = Expectation {
            requirement: requirement.into(),
            expected: expected.into(),
            observed,
            holds: true,
            evidence: vec![],
        };
        figure(41, &one).map(|figure| (figure.name, figure.measured))
    }

    #[test]
    fn only_a_measured_number_with_a_unit_is_a_figure() {
        let told = |name: &str, measured: &str| Some((name.to_owned(), measured.to_owned()));
        let [slow, small] = [json!(267.341), json!(0.000_44)];
        assert_eq!(
            of("time until its answer, in ms", "at least 200", slow),
            told("time until its answer", "267.34 ms")
        );
        assert_eq!(of("time, with the index, in s", "below 1", small), told("time, with the index", "0.0004 s"));
        let memory = of("field baseline_memory_mb", "a number", json!(12.0));
        assert_eq!(memory, told("baseline_memory_mb", "12 MB"));
        assert_eq!(of("timeout, in s", "30", json!(30.0)), None, "a setting");
        assert_eq!(of("status", "below 500", json!(200)), None, "a code");
        assert_eq!(of("time, in ms", "a number", json!("267")), None, "a text");
    }

    #[test]
    fn highlights_are_those_of_what_was_completed() {
        let [before, after] = golden::records();
        let golden = golden::on_disk(&after);
        let highlights = Highlights::of(&Comparison::of(&golden.1, Some(&before))).unwrap();
        let told: Vec<u16> = highlights.features.iter().map(|one| one.feature).collect();
        assert_eq!((told, highlights.left_out), (vec![41, 42], 0));
        assert!(highlights.run[0].starts_with("The target was looked at 4 times: 3 http, 1 log"), "{highlights:?}");
        assert!(highlights.features[0].points[1].contains("slowest answer 267 ms: GET auth-service /test/slow-query"));
        assert!(highlights.figures.iter().any(|figure| figure.measured == "67.58 MB"), "{:?}", highlights.figures);
    }

    #[test]
    fn where_nothing_is_new_the_figures_are_those_of_what_passes() {
        let [before, _] = golden::records();
        let highlights = Highlights::of(&Comparison::of(&before, Some(&before))).unwrap();
        assert_eq!((highlights.features.len(), highlights.left_out), (10, 30));
    }
}
