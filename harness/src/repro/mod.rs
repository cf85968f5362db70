//! The shortest sequence of requests that still shows a recorded failure, tried once more before it is told.
//!
//! The check itself is the judge: it runs as ever, but of what it observes only a part is asked of the target, and all
//! else is shown to it as it was seen before.

mod causes;
mod failure;
mod renaming;
mod script;
mod shrink;
mod trial;

pub use failure::{Failure, NoFailure};
pub use script::Script;
pub use trial::{Ground, TrialError, Trials};

use crate::check::Finished;
use crate::outcome::{Evidence, Expectation, Observation, Outcome, Verdict};
use crate::report::plain;
use renaming::{renamed, renaming};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::time::Instant;

/// What the trials came to.
pub enum Ended {
    /// These observations show the failure, twice at least.
    Shown(Box<Reproduction>),
    /// The failure does not show, and what is seen instead.
    Gone(String),
    /// It shows at times and at times does not.
    ComesAndGoes(String),
    /// The step could not be looked at.
    Unseen(String),
}

/// A shortest sequence that shows a failure.
pub struct Reproduction {
    /// The failure as it was seen the last time.
    pub failure: Failure,
    /// What was asked the last time, and seen.
    pub observations: Vec<Observation>,
    /// How many observations the whole check makes.
    pub of: usize,
    /// How many trials were made.
    pub trials: u32,
    /// The seed of the ids in these observations.
    pub seed: u64,
    /// Whether there was no time left to look for a shorter one.
    pub cut_short: bool,
}

/// What is known about a failure once it has shown again with everything asked.
struct Known {
    evidence: Evidence,
    failure: Failure,
    /// Whether it was observed exactly as in the record: then it must be so again, else only something of its kind.
    exact: bool,
    rests_on: BTreeSet<u32>,
}

/// Looks for a shortest sequence that shows a failure, until the time is up; `seed` is that of the record's check.
///
/// # Errors
/// Where there is no target, or it stops answering.
pub async fn reproduce(
    trials: &mut Trials,
    wanted: &Failure,
    seed: u64,
    until: Instant,
    mut tell: impl FnMut(String),
) -> Result<Ended, TrialError> {
    tell("trial 1: everything is asked".to_owned());
    let first = trials.whole(Some(seed)).await?;
    let Some(known) = Known::of(&first, wanted, seed) else {
        let silent = |one: &Observation| one.seen["silence"].is_string();
        let all = &first.evidence.observations;
        if !all.is_empty() && all.iter().all(silent) {
            return Err(TrialError::Down);
        }
        return Ok(without_it(&first.outcome, wanted));
    };
    let last = known.rests_on.last().copied().unwrap_or_default();
    let whole: BTreeSet<u32> = (1..=last).collect();
    let mut search = Search { trials, known, whole, results: BTreeMap::new(), until, cut_short: false };
    let shortest = search.shortest(&mut tell).await?;
    tell(format!("once more: {} of {} observations", shortest.len(), search.known.evidence.observations.len()));
    let finished = search.make(&shortest).await?;
    Ok(search.conclude(&shortest, &finished))
}

impl Known {
    fn of(first: &Finished, wanted: &Failure, seed: u64) -> Option<Known> {
        let again = wanted.again(&first.outcome).next()?;
        let (failure, evidence) = (Failure::of(wanted.step, again), first.evidence.clone());
        let before = wanted.observed.to_string();
        let pairs = renaming(first.outcome.feature, seed, evidence.circumstances.seed, [before.as_str()]);
        let now = failure.observed.to_string();
        let exact = renamed(&pairs, &before) == now;
        let rests_on = rests_on(&first.outcome, &failure, &evidence);
        Some(Known { evidence, failure, exact, rests_on })
    }

    /// The failure, where it shows in what a trial came to, and one of the observations that it rests on was really made.
    fn shows(&self, asked_live: &BTreeSet<u32>, finished: &Finished) -> Option<Failure> {
        let looked = !self.rests_on.is_disjoint(asked_live);
        let mut again = self.failure.again(&finished.outcome).filter(|_| looked);
        let found = again.find(|one| one.evidence == self.failure.evidence && self.is_like(one, finished))?;
        Some(Failure::of(self.failure.step, found))
    }

    /// Another failure of the same requirement is not this one: 401 for want of a token is no proof of a 500.
    fn is_like(&self, found: &Expectation, finished: &Finished) -> bool {
        let (before, now) = (self.failure.observed.to_string(), found.observed.to_string());
        if !self.exact {
            return discriminant(&found.observed) == discriminant(&self.failure.observed);
        }
        let circumstances = &self.evidence.circumstances;
        let seed = finished.evidence.circumstances.seed;
        let pairs = renaming(circumstances.feature, circumstances.seed, seed, [before.as_str()]);
        renamed(&pairs, &before) == now
    }
}

/// The observations that an expectation was read from; where its values were read before, those of its step.
fn rests_on(outcome: &Outcome, failure: &Failure, evidence: &Evidence) -> BTreeSet<u32> {
    if !failure.evidence.is_empty() {
        return failure.evidence.iter().copied().collect();
    }
    let steps = outcome.steps.iter().filter(|step| step.step == failure.step);
    let beside: BTreeSet<u32> =
        steps.flat_map(|step| &step.expectations).flat_map(|one| one.evidence.clone()).collect();
    if !beside.is_empty() {
        return beside;
    }
    evidence.observations.iter().filter(|one| one.step <= failure.step).map(|one| one.seq).collect()
}

/// What is seen where the failure does not show.
fn without_it(outcome: &Outcome, wanted: &Failure) -> Ended {
    let number = wanted.step;
    let step = outcome.steps.iter().find(|step| step.step == number);
    let of_step = step.and_then(|step| Some((step, step.expectations.iter().find(|one| !one.holds)?)));
    if let Some((step, wrong)) = of_step.or_else(|| outcome.first_failure()) {
        let now = Failure::of(step.step, wrong).told();
        return Ended::Gone(format!("the failure does not show any more; the target fails otherwise now: {now}"));
    }
    let verdict = step.map_or(outcome.verdict, |step| step.verdict);
    let reason = step.and_then(|step| step.reason.clone()).or(outcome.reason.clone()).unwrap_or_default();
    let reason = plain::line(&reason);
    match verdict {
        Verdict::Pass => Ended::Gone(format!(
            "the failure does not show any more: step {number} passes now, and with it \"{}\"",
            plain::line(&wanted.requirement)
        )),
        _ => Ended::Unseen(format!("step {number} could not be looked at: {verdict}: {reason}")),
    }
}

/// The trials made so far, by what was asked in them.
struct Search<'a> {
    trials: &'a mut Trials,
    known: Known,
    /// Everything up to the failure.
    whole: BTreeSet<u32>,
    results: BTreeMap<BTreeSet<u32>, bool>,
    until: Instant,
    cut_short: bool,
}

impl Search<'_> {
    /// What the failure may rest on alone, else as little as possible of all that was done before.
    async fn shortest(&mut self, tell: &mut dyn FnMut(String)) -> Result<BTreeSet<u32>, TrialError> {
        let needed = causes::with_causes(&self.known.evidence.observations, &self.known.rests_on);
        match self.tried(needed.clone(), tell).await? {
            Some(true) => return Ok(needed),
            Some(false) => {}
            None => return Ok(self.whole.clone()),
        }
        let others: Vec<u32> = self.whole.difference(&needed).copied().collect();
        let with = |some: &[u32]| needed.iter().chain(some).copied().collect::<BTreeSet<u32>>();
        let found = shrink::shrink(&others, async |some: &[u32]| self.tried(with(some), tell).await).await?;
        Ok(with(&found))
    }

    /// Whether the failure shows where only these observations are really made; nothing where the time is up.
    async fn tried(
        &mut self,
        asked_live: BTreeSet<u32>,
        tell: &mut dyn FnMut(String),
    ) -> Result<Option<bool>, TrialError> {
        if asked_live == self.whole {
            return Ok(Some(true));
        }
        if let Some(known) = self.results.get(&asked_live) {
            return Ok(Some(*known));
        }
        if Instant::now() > self.until {
            self.cut_short = true;
            return Ok(None);
        }
        let finished = self.make(&asked_live).await?;
        let shows = self.known.shows(&asked_live, &finished).is_some();
        let (made, count, of) = (self.trials.made(), asked_live.len(), self.known.evidence.observations.len());
        let whether = if shows { "shows" } else { "does not show" };
        tell(format!("trial {made}: {count} of {of} observations; the failure {whether}"));
        self.results.insert(asked_live, shows);
        Ok(Some(shows))
    }

    async fn make(&mut self, asked_live: &BTreeSet<u32>) -> Result<Finished, TrialError> {
        if *asked_live == self.whole {
            self.trials.whole(None).await
        } else {
            self.trials.partly(&self.known.evidence, asked_live).await
        }
    }

    /// What the last trial says.
    fn conclude(&self, asked_live: &BTreeSet<u32>, finished: &Finished) -> Ended {
        let of = self.known.evidence.observations.len();
        let Some(failure) = self.known.shows(asked_live, finished) else {
            let tried = self.results.values().filter(|shows| **shows).count() + 1;
            return Ended::ComesAndGoes(format!(
                "the failure comes and goes: it showed in {tried} of {} trials, and at last not with the same {} of {of} \
                 observations that had shown it before; seen then: {}",
                self.trials.made(),
                asked_live.len(),
                seen_instead(&finished.outcome, &self.known.failure)
            ));
        };
        let mut observations = finished.evidence.observations.clone();
        observations.retain(|one| asked_live.contains(&one.seq));
        let seed = finished.evidence.circumstances.seed;
        let (trials, cut_short) = (self.trials.made(), self.cut_short);
        Ended::Shown(Box::new(Reproduction { failure, observations, of, trials, seed, cut_short }))
    }
}

fn seen_instead(outcome: &Outcome, wanted: &Failure) -> String {
    match without_it(outcome, wanted) {
        Ended::Gone(text) | Ended::Unseen(text) | Ended::ComesAndGoes(text) => text,
        Ended::Shown(_) => String::new(),
    }
}
