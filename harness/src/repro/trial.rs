//! One trial: the check runs to its end, and of what it observes all or a part is really asked of the target.

use super::renaming::renaming;
use crate::catalogue::Feature;
use crate::check::{Case, Check, Finished, Live, Partly, Patience, Shown, mix};
use crate::ledger::{Ledger, LedgerError};
use crate::outcome::{Circumstances, Evidence};
use crate::provision::{ProvisionError, Servers};
use crate::runner::{Place, decide, restore};
use crate::settlement::{Settlement, settle};
use crate::target::{Need, Target};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Client addresses of trials begin beyond those of features.
const FIRST_ADDRESS: u16 = 700;

/// Why a trial could not be made. Never a verdict on the target.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// There is no target.
    #[error("no target: {0}")]
    Provision(#[from] ProvisionError),
    /// The target lacks what the check cannot do without.
    #[error("the target lacks what the check needs: {0}; the record's target had it")]
    Lacks(Need),
    /// The target has stopped answering.
    #[error("the target is down: nothing answers any more")]
    Down,
    /// The check is broken.
    #[error("the check itself is broken: {0}")]
    Broken(#[from] tokio::task::JoinError),
    /// What the check has stopped is not there again.
    #[error("{0}")]
    LeftBehind(String),
}

/// Where the trials take place.
pub enum Ground {
    /// Somebody else's system, the same for all, and where it is written down what trials make there.
    System(Arc<Place>, Arc<Ledger>),
    /// Servers of the harness's own, with a fresh stack for each.
    Servers(Arc<Servers>),
}

impl Ground {
    /// Somebody else's system.
    pub fn system(target: Target, ledger: Ledger) -> Ground {
        Ground::System(Arc::new(Place::external(target)), Arc::new(ledger))
    }
}

/// Runs one check as often as is needed.
pub struct Trials {
    ground: Ground,
    feature: Feature,
    check: &'static Check,
    patience: Patience,
    seed: u64,
    made: u32,
}

impl Trials {
    /// Trials of a check; all of them have ids of their own, which follow from the seed.
    pub fn new(ground: Ground, feature: Feature, check: &'static Check, patience: Patience, seed: u64) -> Trials {
        Trials { ground, feature, check, patience, seed, made: 0 }
    }

    /// How many were made.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// Ends what they took place on: servers are stopped, and somebody else's system is left as it was found, as far as
    /// that is possible.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn end(self) -> Result<Option<Settlement>, LedgerError> {
        match self.ground {
            Ground::Servers(servers) => {
                if let Some(servers) = Arc::into_inner(servers) {
                    servers.stop().await;
                }
                Ok(None)
            }
            Ground::System(place, ledger) => match place.visit(self.patience) {
                Some(live) if !ledger.owed().is_empty() => settle(&ledger, &Arc::new(live)).await.map(Some),
                _ => Ok(None),
            },
        }
    }

    /// Everything is asked of the target. The seed is that of the run, on a fresh stack, or a new one on a system where
    /// the same user cannot be registered twice.
    pub(super) async fn whole(&mut self, seed: Option<u64>) -> Result<Finished, TrialError> {
        let seed = match (&self.ground, seed) {
            (Ground::Servers(_), Some(seed)) => seed,
            _ => self.next_seed(),
        };
        let (feature, revision) = (self.check.feature, self.check.revision);
        self.make(|live| Case::live(live, feature, revision, seed)).await
    }

    /// The observations of these numbers are really made; all others are shown as the evidence has them.
    pub(super) async fn partly(
        &mut self,
        evidence: &Evidence,
        asked_live: &BTreeSet<u32>,
    ) -> Result<Finished, TrialError> {
        // A seed of its own also on a fresh stack: what a check names on the servers, as a role, outlives its stack.
        let (seed, before) = (self.next_seed(), &evidence.circumstances);
        let text = evidence.to_lines();
        let renamed = renaming(before.feature, before.seed, seed, [text.as_str()]);
        let circumstances = Circumstances { seed, ..before.clone() };
        let observations: Arc<[Shown]> = evidence.observations.iter().map(Shown::from).collect();
        let asked_live = asked_live.clone();
        self.make(|live| Case::partly(Partly::new(live, observations, asked_live, renamed), circumstances)).await
    }

    fn next_seed(&self) -> u64 {
        // Small enough that every JSON reader keeps it exactly.
        mix(self.seed ^ u64::from(self.made)) >> 16
    }

    async fn make(&mut self, case: impl FnOnce(Arc<Live>) -> Case) -> Result<Finished, TrialError> {
        self.made += 1;
        let place = match &self.ground {
            Ground::System(place, _) => place.clone(),
            Ground::Servers(servers) => Arc::new(Place::stacks(servers.clone(), Vec::new(), self.next_seed())),
        };
        let done = self.make_at(&place, case).await;
        if let (Ground::Servers(_), Some(place)) = (&self.ground, Arc::into_inner(place)) {
            place.close().await;
        }
        done
    }

    async fn make_at(&self, place: &Place, case: impl FnOnce(Arc<Live>) -> Case) -> Result<Finished, TrialError> {
        let placed = place.enter(self.check.feature, self.check.setup).await?;
        if let Some(need) = self.check.needs.iter().find(|need| !placed.target.has(**need)) {
            let need = *need;
            placed.leave().await;
            return Err(TrialError::Lacks(need));
        }
        let address = FIRST_ADDRESS.wrapping_add(self.made as u16);
        let live = Live::new(placed.target.clone(), self.patience, placed.pulse.clone(), address);
        let live = Arc::new(live.keeping(match &self.ground {
            Ground::System(_, ledger) => Some(ledger.clone()),
            Ground::Servers(_) => None,
        }));
        let finished = decide(case(live.clone()), live.clone(), None, (&self.feature, self.check)).await;
        let restored = if place.is_shared_by_all() { restore(&live).await } else { Ok(()) };
        drop(live);
        placed.leave().await;
        restored.map_err(TrialError::LeftBehind)?;
        if place.epitaph(self.patience.answer).await.is_some() {
            return Err(TrialError::Down);
        }
        Ok(finished?)
    }
}
