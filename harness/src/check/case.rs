//! A check at work: its steps, its expectations, its observations, and everything that is not the target's doing
//! (ids, addresses, the passing of time).

use super::{CannotLook, Live, Matcher, Reads, Seen, Shown, Source, Stop, Tampering, Vault};
use crate::outcome::{Circumstances, Evidence, Expectation, Observation, Outcome, StepOutcome, Verdict};
use crate::target::Need;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// What a step has come to so far.
#[derive(Debug, Default)]
struct Draft {
    text: String,
    expectations: Vec<Expectation>,
    observed_as: Vec<String>,
    lacks: Option<Need>,
}

/// One check deciding one feature of one target.
pub struct Case {
    source: Source,
    circumstances: Circumstances,
    vault: Vault,
    reads: Reads,
    steps: BTreeMap<u8, Draft>,
    step: u8,
    observations: Vec<Observation>,
    asked: u32,
    ids: u32,
}

/// What is left when a case has ended.
pub struct Finished {
    /// The feature's outcome, without its duration.
    pub outcome: Outcome,
    /// Everything that was seen; nothing after a replay, where it is known already.
    pub evidence: Evidence,
    /// Which places of the evidence were looked at.
    pub reads: Reads,
}

impl Case {
    /// A case that looks at a running target.
    pub fn live(live: Arc<Live>, feature: u16, revision: u32, seed: u64) -> Case {
        let had = live.had(Need::all());
        let circumstances = Circumstances {
            feature,
            revision,
            seed,
            had: had.iter().map(Need::to_string).collect(),
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

    fn new(source: Source, circumstances: Circumstances, vault: Vault) -> Case {
        Case {
            source,
            circumstances,
            vault,
            reads: Reads::default(),
            steps: BTreeMap::new(),
            step: 0,
            observations: Vec::new(),
            asked: 0,
            ids: 0,
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
            requirement: requirement.into(),
            expected: wanted.expected,
            observed,
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
        self.steps.entry(self.step).or_default().lacks = Some(need);
    }

    /// Whether the target has this.
    pub fn can(&self, need: Need) -> bool {
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
        if self.can(need) { Ok(()) } else { Err(Stop::Needs(need)) }
    }

    // --- What is not the target's doing ---

    /// A fresh UUID (version 4 by form), the same in every run with the same seed.
    pub fn id(&mut self) -> String {
        self.ids += 1;
        let draw = |salt: u64| {
            let feature = u64::from(self.circumstances.feature);
            mix(self.circumstances.seed ^ feature << 48 ^ u64::from(self.ids) << 8 ^ salt)
        };
        let (high, low) = (draw(1), draw(2));
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }

    /// A short word, unlike any other of this run, that names the feature: `conform-f041-1a2b3c4d`.
    pub fn word(&mut self) -> String {
        let id = self.id();
        format!("conform-f{:03}-{}", self.circumstances.feature, &id[..8])
    }

    /// The name of a fresh password; only the wire sees its value.
    pub fn password(&mut self) -> String {
        let value = format!("Pw!7{}", self.id());
        self.vault.seal("own password", &value)
    }

    /// The secrets of this case.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    // --- Observations ---

    /// Looks at the target, or at what was seen when it was looked at before.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the probe could not look, [`Stop::Diverged`] where the evidence holds something else here.
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
        let seen = match &self.source {
            Source::Live(live) => {
                let live = live.clone();
                let began = Instant::now();
                let seen = self.vault.hide_json(&look(live).await?);
                self.observations.push(Observation {
                    seq,
                    step: self.step,
                    probe: probe.to_owned(),
                    asked,
                    seen: seen.clone(),
                    took_ms: (began.elapsed().as_secs_f64() * 1e6).round() / 1e3,
                });
                Arc::new(seen)
            }
            Source::Replay { observations, tampering } => {
                shown_again(observations, tampering.as_ref(), seq, probe, &asked)?
            }
        };
        Ok(Seen::new(seen, seq, self.reads.clone()))
    }

    /// In place of something that is not there: `null`, of the last observation.
    pub fn silence(&self) -> Seen {
        Seen::new(Arc::default(), self.asked, self.reads.clone()).at("/nothing there")
    }

    /// The running target; nothing in a replay. For probes that prepare something without looking.
    pub fn live_target(&self) -> Option<Arc<Live>> {
        match &self.source {
            Source::Live(live) => Some(live.clone()),
            Source::Replay { .. } => None,
        }
    }

    // --- The end ---

    /// Closes the case: every step of the catalogue gets its verdict.
    pub fn finish(mut self, description: &str, catalogue_steps: &[String], ended: Result<(), Stop>) -> Finished {
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
        }
    }
}

/// The observation of this number as it was seen before, or as tampering would have it.
fn shown_again(
    observations: &[Shown],
    tampering: Option<&Tampering>,
    seq: u32,
    probe: &str,
    asked: &Value,
) -> Result<Arc<Value>, Stop> {
    let known =
        observations.get(seq as usize - 1).ok_or_else(|| Stop::Diverged(format!("observation {seq} is missing")))?;
    // What a tampered replay asks may follow from what it saw, so only the probe must be the same there.
    if known.probe != probe || tampering.is_none() && known.asked != *asked {
        return Err(Stop::Diverged(format!("observation {seq} answers another question: {probe} {asked} was asked")));
    }
    Ok(match tampering {
        Some(tampering) if tampering.seq == seq => tampering.seen.clone(),
        _ => known.seen.clone(),
    })
}

/// The verdict of one step, from its draft and from how the check ended.
fn judge(number: u8, text: &str, draft: Option<Draft>, last: u8, ended: &Result<(), Stop>) -> StepOutcome {
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

/// SplitMix64: spreads a seed over all bits.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::super::{at_least, is};
    use super::*;
    use serde_json::json;

    fn case(observations: Vec<Shown>) -> Case {
        let circumstances =
            Circumstances { feature: 41, revision: 1, seed: 7, had: vec![Need::Sql.to_string()], patience_s: 0.0 };
        let source = Source::Replay { observations: observations.into(), tampering: None };
        Case::replay(source, circumstances)
    }

    fn verdicts(finished: &Finished) -> Vec<Verdict> {
        finished.outcome.steps.iter().map(|step| step.verdict).collect()
    }

    fn texts() -> Vec<String> {
        ["one", "two", "three"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_step_without_an_expectation_is_an_error() {
        let mut case = case(Vec::new());
        case.step(1, "one");
        case.expect("a number", 1, is(1));
        case.step(2, "two");
        case.step(3, "three");
        case.expect("a number", 1, is(1));
        let finished = case.finish("", &texts(), Ok(()));
        assert_eq!(verdicts(&finished), [Verdict::Pass, Verdict::Error, Verdict::Pass]);
    }

    #[test]
    fn steps_never_reached_are_accounted_for() {
        let mut case = case(Vec::new());
        case.step(1, "one");
        let ended = case.require("a number", 1, at_least(2.0));
        let finished = case.finish("", &texts(), ended);
        assert_eq!(verdicts(&finished), [Verdict::Fail, Verdict::Skip, Verdict::Skip]);
        assert_eq!(finished.outcome.verdict, Verdict::Fail);
    }

    #[test]
    fn a_missing_need_skips_and_a_failed_look_is_an_error() {
        for (stop, verdict) in [
            (Stop::Needs(Need::Redis), Verdict::Skip),
            (Stop::CannotLook(CannotLook::new("log", "gone")), Verdict::Error),
        ] {
            let mut case = case(Vec::new());
            case.step(1, "one");
            case.expect("a number", 1, is(1));
            case.step(2, "two");
            let finished = case.finish("", &texts(), Err(stop));
            assert_eq!(verdicts(&finished), [Verdict::Pass, verdict, verdict]);
        }
    }

    #[test]
    fn a_step_in_other_words_is_an_error() {
        let mut case = case(Vec::new());
        case.step(1, "another one");
        case.expect("a number", 1, is(1));
        let finished = case.finish("", &texts()[..1], Ok(()));
        assert_eq!(verdicts(&finished), [Verdict::Error]);
    }

    #[test]
    fn ids_follow_from_the_seed_and_never_repeat() {
        let (mut one, mut other) = (case(Vec::new()), case(Vec::new()));
        let ids: Vec<String> = (0..100).map(|_| one.id()).collect();
        assert!(ids.iter().all(|id| *id == other.id()));
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), 100);
        assert_eq!(ids[0].len(), 36);
    }

    #[tokio::test]
    async fn a_replay_that_asks_otherwise_diverges() {
        let known = Shown { probe: "http".to_owned(), asked: json!("a"), seen: Arc::new(json!("b")) };
        let mut case = case(vec![known]);
        let stop = case.observe("http", json!("c"), async |_| Ok(Value::Null)).await;
        assert!(matches!(stop, Err(Stop::Diverged(_))));
    }
}
