//! What did not pass, on the page: failures by cause, looks that failed by their reason, skips by what was missing.

use super::SHOWN;
use super::feature::number;
use crate::outcome::{Outcome, Verdict};
use crate::record::Record;
use crate::report::cause::{self, Cause};
use crate::report::{plain, reason};
use serde::Serialize;

/// A cause with more features is closed at first.
const OPEN: usize = 6;
/// Causes that are open at first.
const OPEN_CAUSES: usize = 10;

/// The causes of one verdict.
#[derive(Serialize)]
pub(super) struct CausesView {
    id: &'static str,
    title: &'static str,
    hint: &'static str,
    verdict: Verdict,
    causes: Vec<CauseView>,
}

#[derive(Serialize)]
struct CauseView {
    what: String,
    count: String,
    open: bool,
    features: Vec<Affected>,
}

#[derive(Serialize)]
struct Affected {
    feature: u16,
    number: String,
    description: String,
    step: Option<u8>,
    text: String,
    against: Option<Against>,
    reason: Option<String>,
}

#[derive(Serialize)]
struct Against {
    requirement: String,
    expected: String,
    observed: String,
}

/// Every section that has something in it.
pub(super) fn causes(record: &Record) -> Vec<CausesView> {
    let sections = [
        (Verdict::Fail, "failed", "What failed", "By cause, the one with most features first."),
        (Verdict::Error, "not-seen", "What could not be looked at", "By reason. It says nothing about the target."),
        (Verdict::Skip, "skipped", "What was skipped", "By what was missing."),
    ];
    let views = sections.map(|(verdict, id, title, hint)| {
        let causes = cause::causes(record, verdict);
        let causes = causes.iter().enumerate().map(|(at, cause)| view(cause, verdict, at)).collect();
        CausesView { id, title, hint, verdict, causes }
    });
    views.into_iter().filter(|view| !view.causes.is_empty()).collect()
}

fn view(cause: &Cause<'_>, verdict: Verdict, place: usize) -> CauseView {
    CauseView {
        what: cause.what.clone(),
        count: cause.count(),
        open: verdict == Verdict::Fail && place < OPEN_CAUSES && cause.outcomes.len() <= OPEN,
        features: cause.outcomes.iter().map(|outcome| affected(outcome)).collect(),
    }
}

/// The first thing that is wrong in the feature; the rest stands with the feature itself.
fn affected(outcome: &Outcome) -> Affected {
    let first = outcome.first_failure();
    let against = first.map(|(_, one)| Against {
        requirement: plain::line(&one.requirement),
        expected: plain::line(&one.expected),
        observed: plain::short(&plain::observed(&one.observed), SHOWN),
    });
    Affected {
        feature: outcome.feature,
        number: number(outcome.feature),
        description: plain::line(&outcome.description),
        step: first.map(|(step, _)| step.step),
        text: first.map(|(step, _)| plain::line(&step.text)).unwrap_or_default(),
        reason: against.is_none().then(|| reason::because(outcome)).flatten(),
        against,
    }
}
