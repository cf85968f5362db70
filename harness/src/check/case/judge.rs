//! The verdict of one step, from what the check noted in it and from how the check ended.

use crate::check::Stop;
use crate::outcome::{Expectation, StepOutcome, Verdict};
use crate::target::Need;

/// What a step has come to so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) expectations: Vec<Expectation>,
    pub(super) observed_as: Vec<String>,
    pub(super) lacks: Option<Need>,
}

/// The verdict of one step, from its draft and from how the check ended.
pub(super) fn judge(number: u8, text: &str, draft: Option<Draft>, last: u8, ended: &Result<(), Stop>) -> StepOutcome {
    let reached = draft.is_some();
    let draft = draft.unwrap_or_default();
    let wrong = draft.expectations.iter().any(|one| !one.holds);
    let stopped_here = number == last && reached;
    let (verdict, reason) = if wrong {
        (Verdict::Fail, None)
    } else if reached && draft.text != text {
        (Verdict::Error, Some(format!("the check words this step otherwise: {:?}", draft.text)))
    } else if let Some(need) = draft.lacks {
        (Verdict::Skip, Some(format!("needs {need}")))
    } else {
        match ended {
            Err(stop) if stopped_here || !reached => stopped(stop, last, stopped_here),
            _ if draft.expectations.is_empty() => {
                (Verdict::Error, Some("the check passes over this step without an expectation".to_owned()))
            }
            _ => (Verdict::Pass, None),
        }
    };
    StepOutcome {
        step: number,
        text: text.to_owned(),
        verdict,
        expectations: draft.expectations,
        observed_as: (!draft.observed_as.is_empty()).then(|| draft.observed_as.join("; ")),
        reason,
    }
}

/// Verdict and reason of the step at which a check stopped, or of one that it did not reach.
fn stopped(stop: &Stop, last: u8, here: bool) -> (Verdict, Option<String>) {
    let reason = if here || matches!(stop, Stop::Needs(_)) {
        stop.to_string()
    } else {
        format!("not reached, for step {last} ended the check: {stop}")
    };
    let verdict = match stop {
        Stop::Failed | Stop::Needs(_) => Verdict::Skip,
        Stop::CannotLook(_) | Stop::Diverged(_) => Verdict::Error,
    };
    (verdict, Some(reason))
}
