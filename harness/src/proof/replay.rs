//! Decides a feature anew on evidence, with no target at all.

use crate::catalogue::Feature;
use crate::check::{Case, Check, Finished, Shown, Source, Stop, Tampering};
use crate::outcome::{Circumstances, Evidence};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Runs a check on what was seen before.
pub fn replay(check: &Check, feature: &Feature, evidence: &Evidence) -> Finished {
    let observations = evidence.observations.iter().map(Shown::from).collect();
    replay_with(check, feature, &evidence.circumstances, observations, None)
}

/// As [`replay`], with one observation altered.
pub(super) fn replay_with(
    check: &Check,
    feature: &Feature,
    circumstances: &Circumstances,
    observations: Arc<[Shown]>,
    tampering: Option<Tampering>,
) -> Finished {
    let source = Source::Replay { observations, tampering };
    let mut case = Case::replay(source, circumstances.clone());
    let ended = at_once((check.run)(&mut case));
    case.finish(&feature.description, &feature.steps, ended)
}

/// In a replay nothing is waited for: a check that waits asks for something the evidence cannot give.
fn at_once(work: impl Future<Output = Result<(), Stop>>) -> Result<(), Stop> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(ended) => ended,
        Poll::Pending => Err(Stop::Diverged("the check waits for something outside its case".to_owned())),
    }
}
