//! A feature on the page: its steps, what was expected in each, and what was seen.

use super::{SHOWN, pack};
use crate::catalogue::Area;
use crate::outcome::{Evidence, Expectation, Outcome, StepOutcome, Verdict};
use crate::record::Record;
use crate::report::dependency_map::{self, DependencyMap};
use crate::report::evidence_view::ObservationView;
use crate::report::layout::Template;
use crate::report::summary::duration;
use crate::report::{ReportError, plain, reason};
use serde::Serialize;

/// A feature, ready to be laid out.
#[derive(Serialize)]
pub(super) struct FeatureView {
    feature: u16,
    number: String,
    description: String,
    verdict: &'static str,
    area: &'static str,
    took: String,
    /// `flaky: pass 9, fail 1`, where the rounds came to different verdicts.
    flaky: Option<String>,
    /// Whether it is a row without anything inside.
    compact: bool,
    /// Its details as markup; nothing once they are packed.
    pub(super) inside: String,
    packed: Option<String>,
    /// What a search finds in packed details.
    words: String,
    /// The map of dependencies, where this is the feature about it.
    #[serde(skip)]
    pub(super) map: Option<DependencyMap>,
}

/// What stands inside a feature.
#[derive(Serialize)]
struct Inside {
    number: String,
    reason: Option<String>,
    steps: Vec<StepView>,
    map: bool,
    evidence_file: Option<String>,
}

#[derive(Serialize)]
struct StepView {
    step: u8,
    text: String,
    verdict: Option<Verdict>,
    observed_as: Option<String>,
    reason: Option<String>,
    expectations: Vec<ExpectationView>,
    evidence: Vec<ObservationView>,
}

#[derive(Serialize)]
struct ExpectationView {
    requirement: String,
    expected: String,
    observed: String,
    holds: bool,
    evidence: Vec<SeqView>,
}

#[derive(Serialize)]
struct SeqView {
    seq: u32,
    shown: bool,
}

/// The view of a feature that has an outcome, its details filled into their template.
///
/// # Errors
/// When its evidence is damaged.
pub(super) fn feature_view(
    record: &Record,
    outcome: &Outcome,
    details: &Template<'_>,
) -> Result<FeatureView, ReportError> {
    let compact = outcome.verdict == Verdict::Unchecked;
    let evidence = if compact { None } else { record.evidence(outcome.feature)? };
    let map = evidence.as_ref().filter(|_| outcome.feature == dependency_map::FEATURE).and_then(dependency_map::of);
    let reason = outcome.reason.as_deref().map(plain::text);
    let inside = Inside {
        number: number(outcome.feature),
        reason: reason.or_else(|| outcome.steps.is_empty().then(|| reason::because(outcome)).flatten()),
        steps: steps(outcome, evidence.as_ref()),
        map: map.is_some(),
        evidence_file: evidence.map(|_| format!("evidence/f{}.jsonl", number(outcome.feature))),
    };
    Ok(FeatureView {
        feature: outcome.feature,
        number: number(outcome.feature),
        description: plain::line(&outcome.description),
        verdict: outcome.verdict.word(),
        area: area_name(outcome.feature),
        took: duration(outcome.duration_ms),
        flaky: outcome.flaky(),
        compact,
        inside: if compact { String::new() } else { details.fill(&inside)? },
        packed: None,
        words: String::new(),
        map,
    })
}

/// The view of a feature that was selected and has no outcome.
pub(super) fn missing_view(feature: u16) -> FeatureView {
    FeatureView {
        feature,
        number: number(feature),
        description: "the run was broken off before it".to_owned(),
        verdict: "missing",
        area: area_name(feature),
        took: String::new(),
        flaky: None,
        compact: true,
        inside: String::new(),
        packed: None,
        words: String::new(),
        map: None,
    }
}

impl FeatureView {
    /// Whether the target is wrong here.
    pub(super) fn failed(&self) -> bool {
        self.verdict == Verdict::Fail.word()
    }

    /// Packs the details; what can be searched for stays.
    ///
    /// # Errors
    /// When they cannot be packed.
    pub(super) fn pack(&mut self, record: &Record) -> Result<(), ReportError> {
        if self.compact {
            return Ok(());
        }
        self.packed = Some(pack::pack(&self.inside).map_err(ReportError::Packing)?);
        self.inside.clear();
        let steps = record.outcome(self.feature).map_or(&[][..], |outcome| &outcome.steps);
        let texts = |step: &'_ StepOutcome| {
            let expected = step.expectations.iter().map(|one| one.requirement.clone());
            [step.text.clone()].into_iter().chain(step.reason.clone()).chain(expected).collect::<Vec<_>>()
        };
        let texts: Vec<String> = steps.iter().flat_map(texts).collect();
        self.words = pack::words(texts.iter().map(String::as_str));
        Ok(())
    }
}

/// The steps with the observations made during each, and first of all those made before the first.
fn steps(outcome: &Outcome, evidence: Option<&Evidence>) -> Vec<StepView> {
    let observations = evidence.map_or(&[][..], |evidence| &evidence.observations);
    let known = |seq: u32| observations.iter().any(|one| one.seq == seq);
    let of_step = |wanted: &dyn Fn(u8) -> bool| {
        let made = observations.iter().filter(|one| wanted(one.step));
        made.map(ObservationView::of).collect::<Vec<_>>()
    };
    let is_step = |number: u8| outcome.steps.iter().any(|step| step.step == number);
    let before = StepView {
        step: 0,
        text: "Outside of any step".to_owned(),
        verdict: None,
        observed_as: None,
        reason: None,
        expectations: Vec::new(),
        evidence: of_step(&|step| !is_step(step)),
    };
    let view = |step: &StepOutcome| StepView {
        step: step.step,
        text: plain::line(&step.text),
        verdict: Some(step.verdict),
        observed_as: step.observed_as.as_deref().map(plain::line),
        reason: step.reason.as_deref().map(plain::text),
        expectations: step.expectations.iter().map(|one| expectation(one, known)).collect(),
        evidence: of_step(&|number| number == step.step),
    };
    let before = (!before.evidence.is_empty()).then_some(before);
    before.into_iter().chain(outcome.steps.iter().map(view)).collect()
}

fn expectation(expectation: &Expectation, known: impl Fn(u32) -> bool) -> ExpectationView {
    ExpectationView {
        requirement: plain::line(&expectation.requirement),
        expected: plain::line(&expectation.expected),
        observed: plain::short(&plain::observed(&expectation.observed), SHOWN),
        holds: expectation.holds,
        evidence: expectation.evidence.iter().map(|seq| SeqView { seq: *seq, shown: known(*seq) }).collect(),
    }
}

/// The number as links and files have it: `041`.
pub(super) fn number(feature: u16) -> String {
    format!("{feature:03}")
}

fn area_name(feature: u16) -> &'static str {
    Area::of(feature).map_or("", Area::name)
}
