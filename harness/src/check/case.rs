//! A check at work: its steps, its expectations, its observations, and everything that is not the target's doing.

mod chance;
mod judge;
mod shown;
mod weight;

pub(crate) use self::chance::{mix, nth_id};
use self::judge::{Draft, judge};
use self::shown::shown_again;
use self::weight::{MOST_KEPT, brief, shortened, weight};
use super::partly::Turn;
use super::wants::Wants;
use super::{CannotLook, Live, Matcher, Partly, Reads, Seen, Source, Stop, Vault, Want};
use crate::outcome::{Circumstances, Evidence, Expectation, Observation, Outcome, StepOutcome, Verdict};
use crate::target::{Forbidden, Need};
use futures_util::FutureExt;
use serde_json::Value;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

/// Said where a client library panics, which no answer should bring it to.
const CONFUSED: &str = "the answer broke the client that read it";
/// Said where a target answers and answers.
const TOO_MUCH: &str = "what was seen in this check is more than 16 MB, and no more is kept";

/// One check deciding one feature of one target.
pub struct Case {
    source: Source,
    circumstances: Circumstances,
    vault: Vault,
    reads: Reads,
    steps: BTreeMap<u8, Draft>,
    step: u8,
    observations: Vec<Observation>,
    /// What the observations weigh in memory.
    kept: usize,
    wants: Wants,
    asked: u32,
    ids: u32,
    actors: u32,
}

/// What is left when a case has ended.
pub struct Finished {
    /// The feature's outcome, without its duration.
    pub outcome: Outcome,
    /// Everything that was seen; nothing after a replay, where it is known already.
    pub evidence: Evidence,
    /// Which places of the evidence were looked at.
    pub reads: Reads,
    /// What the check asked the target to have, in order.
    pub wants: Vec<Want>,
}

impl Case {
    /// A case that looks at a running target.
    pub fn live(live: Arc<Live>, feature: u16, revision: u32, seed: u64) -> Case {
        let had = live.had(Need::all());
        // What is forbidden stands beside it, so that what was seen before is judged by the same rules.
        let forbidden = live.target.rules.forbidden.iter().map(Forbidden::to_string);
        let circumstances = Circumstances {
            feature,
            revision,
            seed,
            had: had.iter().map(Need::to_string).chain(forbidden).collect(),
            patience_s: live.patience.longest_wait.as_secs_f64(),
        };
        let vault = live.vault.clone();
        Case::new(Source::Live(live), circumstances, vault)
    }

    /// A case that decides anew on what was seen before. Of a tampered replay only the verdicts are of interest, so
    /// it keeps no ledger of looks.
    pub fn replay(source: Source, circumstances: Circumstances) -> Case {
        let tampered = matches!(source, Source::Replay { tampering: Some(_), .. });
        let mut case = Case::new(source, circumstances, Vault::default());
        if tampered {
            case.reads = Reads::blind();
        }
        case
    }

    /// A case that looks at a running target for a part of what it observes, under the circumstances of earlier evidence.
    pub fn partly(partly: Partly, circumstances: Circumstances) -> Case {
        let vault = partly.live().vault.clone();
        Case::new(Source::Partly(Box::new(partly)), circumstances, vault)
    }

    fn new(source: Source, circumstances: Circumstances, vault: Vault) -> Case {
        Case {
            source,
            circumstances,
            vault,
            reads: Reads::default(),
            steps: BTreeMap::new(),
            step: 0,
            observations: Vec::new(),
            kept: 0,
            wants: Wants::default(),
            asked: 0,
            ids: 0,
            actors: 0,
        }
    }

    // --- Steps and expectations ---

    /// Begins a step; `text` is the catalogue's.
    pub fn step(&mut self, number: u8, text: &str) {
        self.step = number;
        self.reads.enter(number);
        self.steps.entry(number).or_default().text = text.to_owned();
    }

    /// Declares that this step is decided by an equivalent observation, and why.
    pub fn observed_as(&mut self, what: &str) {
        let said = &mut self.steps.entry(self.step).or_default().observed_as;
        if !said.iter().any(|known| known == what) {
            said.push(what.to_owned());
        }
    }

    /// Holds an observed value against a requirement. The verdict is noted; the check goes on.
    pub fn expect(&mut self, requirement: impl Into<String>, observed: impl Into<Value>, wanted: Matcher) -> bool {
        let observed = observed.into();
        let holds = wanted.holds(&observed);
        let expectation = Expectation {
            requirement: brief(requirement.into()),
            expected: brief(wanted.expected),
            observed: shortened(observed),
            holds,
            evidence: self.reads.take_recent(),
        };
        self.steps.entry(self.step).or_default().expectations.push(expectation);
        holds
    }

    /// As [`Case::expect`], for what the rest of the check builds on.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it does not hold.
    pub fn require(
        &mut self,
        requirement: impl Into<String>,
        observed: impl Into<Value>,
        wanted: Matcher,
    ) -> Result<(), Stop> {
        if self.expect(requirement, observed, wanted) { Ok(()) } else { Err(Stop::Failed) }
    }

    /// Leaves this step undecided, for want of something.
    pub fn lacks(&mut self, need: Need) {
        self.wants.note(Want { step: self.step, need, ends: false });
        self.steps.entry(self.step).or_default().lacks = Some(need);
    }

    /// Whether the target has this; where it has not, the step is left undecided for want of it.
    pub fn has(&mut self, need: Need) -> bool {
        let has = self.holds(need);
        if has {
            self.wants.note(Want { step: self.step, need, ends: false });
        } else {
            self.lacks(need);
        }
        has
    }

    /// Notes that the check goes no further without this.
    pub(crate) fn relies_on(&self, need: Need) {
        self.wants.note(Want { step: self.step, need, ends: true });
    }

    /// Whether the target has this; a check that asks can do without.
    pub fn can(&self, need: Need) -> bool {
        self.wants.can_do_without(need);
        self.holds(need)
    }

    fn holds(&self, need: Need) -> bool {
        match need {
            Need::Patience(wait) => wait.as_secs_f64() <= self.circumstances.patience_s,
            other => self.circumstances.had.contains(&other.to_string()),
        }
    }

    /// Insists that the target has this.
    ///
    /// # Errors
    /// [`Stop::Needs`] where it has not: the step, and what follows it, is `skip`.
    pub fn needs(&self, need: Need) -> Result<(), Stop> {
        self.relies_on(need);
        if self.holds(need) { Ok(()) } else { Err(Stop::Needs(need)) }
    }

    /// Insists that the target's database may be written to.
    ///
    /// # Errors
    /// [`Stop::Needs`] where it may only be read, or not even that.
    pub fn may_write(&self) -> Result<(), Stop> {
        self.needs(Need::Sql)?;
        self.relies_on(Need::DatabaseWrites);
        let read_only = self.circumstances.had.contains(&Forbidden::DatabaseWrites.to_string());
        if read_only { Err(Stop::Needs(Need::DatabaseWrites)) } else { Ok(()) }
    }

    /// Insists that a path may be asked for.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the owner of the target forbids it.
    pub fn may_ask(&self, path: &str) -> Result<(), Stop> {
        let paths = self.circumstances.had.iter().filter_map(|had| had.strip_prefix("no leave to ask for "));
        let forbidden = paths.filter_map(Forbidden::named).any(|one| one.covers(path));
        if forbidden { Err(Stop::Needs(Need::ForbiddenPath)) } else { Ok(()) }
    }

    /// The secrets of this case.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    // --- Observations ---

    /// Looks at the target, or at what was seen when it was looked at before.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the probe could not look or all that was seen is more than is kept,
    /// [`Stop::Diverged`] where the evidence holds something else here.
    pub async fn observe<F>(
        &mut self,
        probe: &'static str,
        asked: Value,
        look: impl FnOnce(Arc<Live>) -> F,
    ) -> Result<Seen, Stop>
    where
        F: Future<Output = Result<Value, CannotLook>>,
    {
        self.asked += 1;
        let seq = self.asked;
        let seen = match &mut self.source {
            Source::Live(live) => {
                let live = live.clone();
                self.really_look(seq, probe, asked, live, look).await?
            }
            Source::Replay { observations, tampering } => {
                shown_again(observations, tampering.as_ref(), seq, probe, &asked)?
            }
            Source::Partly(partly) => match partly.turn(seq, probe, &asked)? {
                Turn::Shown(seen) => seen,
                Turn::Look(live) => {
                    let seen = self.really_look(seq, probe, asked, live, look).await?;
                    if let Source::Partly(partly) = &mut self.source {
                        partly.learn(seq, &seen);
                    }
                    seen
                }
            },
        };
        Ok(Seen::new(seen, seq, self.reads.clone()))
    }

    async fn really_look<F>(
        &mut self,
        seq: u32,
        probe: &'static str,
        asked: Value,
        live: Arc<Live>,
        look: impl FnOnce(Arc<Live>) -> F,
    ) -> Result<Arc<Value>, Stop>
    where
        F: Future<Output = Result<Value, CannotLook>>,
    {
        let began = Instant::now();
        let looked = AssertUnwindSafe(look(live)).catch_unwind().await;
        let seen = looked.unwrap_or_else(|_| Err(CannotLook::new(probe, CONFUSED)));
        let seen = seen.map_err(|cause| cause.told(&self.vault))?;
        self.kept = self.kept.saturating_add(weight(&seen));
        if self.kept > MOST_KEPT {
            return Err(CannotLook::new(probe, TOO_MUCH).into());
        }
        let seen = self.vault.hide_json(&seen);
        self.observations.push(Observation {
            seq,
            step: self.step,
            probe: probe.to_owned(),
            asked,
            seen: seen.clone(),
            took_ms: (began.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        });
        Ok(Arc::new(seen))
    }

    /// In place of something that is not there: `null`, of the last observation.
    pub fn silence(&self) -> Seen {
        Seen::new(Arc::default(), self.asked, self.reads.clone()).at("/nothing there")
    }

    /// Whether nobody has asked this before in this case.
    pub(crate) fn is_first_actor(&mut self) -> bool {
        self.actors += 1;
        self.actors == 1
    }

    /// The running target; nothing in a replay. For probes that prepare something without looking, and send nothing.
    pub fn live_target(&self) -> Option<Arc<Live>> {
        match &self.source {
            Source::Live(live) => Some(live.clone()),
            Source::Partly(partly) => Some(partly.live().clone()),
            Source::Replay { .. } => None,
        }
    }

    /// The target to send a request to whose answer is observed later; nothing where that answer is only shown.
    pub(crate) fn target_to_start(&mut self, asked: &Value) -> Option<Arc<Live>> {
        let sent = match &mut self.source {
            Source::Partly(partly) => partly.starts(self.asked, asked),
            Source::Live(_) | Source::Replay { .. } => true,
        };
        self.live_target().filter(|_| sent)
    }

    /// The running target, where this probe has really looked at it or may do so yet.
    pub(crate) fn target_of(&self, probe: &str) -> Option<Arc<Live>> {
        let looked = match &self.source {
            Source::Partly(partly) => partly.looks_with(probe),
            Source::Live(_) | Source::Replay { .. } => true,
        };
        self.live_target().filter(|_| looked)
    }

    // --- The end ---

    /// Closes the case: every step of the catalogue gets its verdict.
    pub fn finish(mut self, description: &str, catalogue_steps: &[String], ended: Result<(), Stop>) -> Finished {
        self.charge_what_came_before(catalogue_steps);
        let steps: Vec<StepOutcome> = catalogue_steps
            .iter()
            .enumerate()
            .map(|(at, text)| {
                let number = at as u8 + 1;
                let draft = self.steps.remove(&number);
                judge(number, text, draft, self.step, &ended)
            })
            .collect();
        let outcome = Outcome {
            feature: self.circumstances.feature,
            description: description.to_owned(),
            verdict: Verdict::of_steps(steps.iter().map(|step| step.verdict)),
            revision: self.circumstances.revision,
            steps,
            duration_ms: 0.0,
            rounds: Default::default(),
            reason: self
                .steps
                .keys()
                .next()
                .map(|extra| format!("the check has a step {extra} that the catalogue does not know")),
        };
        Finished {
            outcome,
            evidence: Evidence { circumstances: self.circumstances, observations: self.observations },
            reads: self.reads,
            wants: self.wants.into_list(),
        }
    }
}

impl Case {
    /// What a target gets wrong before the first step, such as a user who cannot be registered, is told in the first.
    fn charge_what_came_before(&mut self, catalogue_steps: &[String]) {
        let Some(before) = self.steps.remove(&0) else {
            return;
        };
        let wrong: Vec<_> = before.expectations.into_iter().filter(|one| !one.holds).collect();
        if let (false, Some(text)) = (wrong.is_empty(), catalogue_steps.first()) {
            let first = self.steps.entry(1).or_insert_with(|| Draft { text: text.clone(), ..Draft::default() });
            first.expectations.splice(0..0, wrong);
        }
    }
}

#[cfg(test)]
mod tests;
