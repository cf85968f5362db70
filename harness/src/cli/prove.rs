//! `conform prove`: shows that checks can fail.

use super::args::ProveArgs;
use super::place;
use super::voice::{complain, say};
use crate::catalogue::{Catalogue, Feature};
use crate::check::{Check, Patience};
use crate::checks;
use crate::exit_code::Exit;
use crate::outcome::{Evidence, Outcome, Verdict};
use crate::proof::{Ground, NullProof, Proof, Share, TamperProof, null_targets, sabotage, tamper};
use crate::provision::{BackendChoice, Options, ProvisionError, Servers};
use crate::report::{plain, reason};
use crate::runner::{Event, Place, Plan, Rounds, run};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Checks at a time.
const JOBS: usize = 8;

/// Why nothing could be proven.
#[derive(Debug, thiserror::Error)]
enum ProveError {
    #[error(transparent)]
    Command(#[from] place::CommandError),
    #[error(
        "none of the selected features has a check, so there is nothing to prove; `conform list checked` names those that have"
    )]
    NothingToProve,
    #[error("there is no evidence of feature {feature}: {reason}; save some with `conform prove --save DIR`")]
    NoEvidence { feature: u16, reason: String },
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Proves, prints the table, and says how it ended.
pub fn prove(args: ProveArgs) -> ExitCode {
    match try_prove(args) {
        Ok(exit) => exit.into(),
        Err(error) => {
            complain(&error);
            let exit = match error {
                ProveError::Provision(_) | ProveError::Io(_) => Exit::CouldNotLook,
                ProveError::Command(error) => error.exit(),
                _ => Exit::Misused,
            };
            exit.into()
        }
    }
}

fn try_prove(args: ProveArgs) -> Result<Exit, ProveError> {
    let path = place::catalogue_path(args.which.catalogue.as_deref())?;
    let catalogue = place::catalogue(Some(&path))?;
    let words = &args.which.selection;
    let numbers = place::select(words, &catalogue, None)?.numbers().to_vec();
    let chosen = with_checks(&catalogue, &numbers);
    if chosen.is_empty() {
        return Err(ProveError::NothingToProve);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let proof = if args.offline {
        let dir = args.evidence.clone().unwrap_or_else(|| place::shipped_evidence(&path));
        Proof { tampering: offline(&chosen, &dir)?, ..Proof::default() }
    } else {
        runtime.block_on(live(&catalogue, &chosen, &args))?
    };
    runtime.shutdown_timeout(Duration::from_secs(5));
    place::print(&plain::text(&proof.table()))?;
    Ok(if proof.holds() { Exit::Fine } else { Exit::Failed })
}

fn with_checks(catalogue: &Catalogue, numbers: &[u16]) -> Vec<(Feature, &'static Check)> {
    numbers.iter().filter_map(|&number| Some((catalogue.feature(number)?.clone(), checks::find(number)?))).collect()
}

/// Every check there is takes part, chosen or not, for a sabotage must leave the others as they are; where they are not
/// looked at, only those that must turn red.
fn taking_part(chosen: &[(Feature, &'static Check)], others: Share) -> Vec<u16> {
    if others != Share::NONE {
        return checks::all().map(|check| check.feature).collect();
    }
    let meant = chosen.iter().flat_map(|(_, check)| {
        let also = check.sabotage.iter().flat_map(|one| one.also_red.iter().copied());
        also.chain([check.feature])
    });
    meant.collect::<BTreeSet<_>>().into_iter().collect()
}

fn offline(chosen: &[(Feature, &'static Check)], dir: &Path) -> Result<Vec<TamperProof>, ProveError> {
    let mut all = BTreeMap::new();
    for (feature, _) in chosen {
        let evidence = place::evidence(dir, feature.number);
        let evidence = evidence.map_err(|reason| ProveError::NoEvidence { feature: feature.number, reason })?;
        all.insert(feature.number, evidence);
    }
    Ok(tamper_all(chosen, &all))
}

/// Tampers with the evidence of all checks at the same time; a replay has nothing to wait for.
fn tamper_all(chosen: &[(Feature, &'static Check)], evidence: &BTreeMap<u16, Evidence>) -> Vec<TamperProof> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = chosen
            .iter()
            .filter_map(|(feature, check)| {
                let evidence = evidence.get(&feature.number)?;
                Some(scope.spawn(move || tamper(check, feature, evidence)))
            })
            .collect();
        let proofs = threads.into_iter().map(|thread| thread.join());
        proofs.map(|proof| proof.expect("a replay that panics is a fault of the check")).collect()
    })
}

/// A sound run, its evidence tampered with, every sabotage, every worthless target.
async fn live(
    catalogue: &Catalogue,
    chosen: &[(Feature, &'static Check)],
    args: &ProveArgs,
) -> Result<Proof, ProveError> {
    let options = Options {
        cluster: None,
        choice: BackendChoice::Auto,
        install: true,
        conform: std::env::current_exe()?,
        announce: Arc::new(say),
    };
    let servers = Arc::new(Servers::start(options).await?);
    let all = with_checks(catalogue, &taking_part(chosen, args.others));
    say(&format!("a sound run of {} checks", all.len()));
    let (sound, evidence) = sound_run(&servers, &all, args.seed).await;
    // At once, for little can be proven of these.
    for outcome in sound.values().filter(|one| matches!(one.verdict, Verdict::Fail | Verdict::Error)) {
        say(&format!("f{:03} on a sound target: {}", outcome.feature, reason::why(outcome)));
    }
    let sound: BTreeMap<u16, Verdict> = sound.into_iter().map(|(number, one)| (number, one.verdict)).collect();
    let mut proof = Proof {
        sound: sound
            .iter()
            .filter(|(_, verdict)| **verdict != Verdict::Pass)
            .map(|(&number, &verdict)| (number, verdict))
            .collect(),
        ..Proof::default()
    };
    if let Some(dir) = &args.save {
        std::fs::create_dir_all(dir)?;
        for (feature, _) in chosen {
            if let Some(evidence) = evidence.get(&feature.number) {
                let path = dir.join(format!("f{:03}.jsonl", feature.number));
                std::fs::write(path, evidence.to_lines())?;
            }
        }
    }
    proof.tampering = tamper_all(chosen, &evidence);
    // What is skipped for want of something cannot be seen to fail either.
    let skipped = |check: &Check| sound.get(&check.feature) == Some(&Verdict::Skip);
    for (_, check) in chosen.iter().filter(|(_, check)| !skipped(check)) {
        for one in check.sabotage {
            let (seed, others) = (args.seed, args.others);
            let ground = Ground { servers: &servers, checks: &all, sound: &sound, jobs: JOBS, seed, others };
            let shown = sabotage(&ground, check, one).await;
            // At once, for a proof of everything takes long and may be broken off.
            say(shown.told().trim_end());
            proof.sabotage.push(shown);
        }
    }
    say("worthless targets");
    let null: Vec<NullProof> = null_targets(&all, args.seed).await?;
    proof.null = null;
    if let Some(servers) = Arc::into_inner(servers) {
        servers.stop().await;
    }
    Ok(proof)
}

async fn sound_run(
    servers: &Arc<Servers>,
    all: &[(Feature, &'static Check)],
    seed: u64,
) -> (BTreeMap<u16, Outcome>, BTreeMap<u16, Evidence>) {
    let place = Arc::new(Place::stacks(servers.clone(), Vec::new(), seed));
    let plan = Plan {
        features: all.iter().map(|(feature, check)| (feature.clone(), Some(*check))).collect(),
        jobs: JOBS,
        patience: Patience::default(),
        seed,
        rounds: Rounds::ONE,
        roll_call: None,
        ledger: None,
    };
    let (mut outcomes, mut evidence) = (BTreeMap::new(), BTreeMap::new());
    run(plan, &place, |event| {
        if let Event::Finished(run) = event {
            if let Some(seen) = run.evidence {
                evidence.insert(run.outcome.feature, seen);
            }
            outcomes.insert(run.outcome.feature, run.outcome);
        }
    })
    .await;
    if let Ok(place) = Arc::try_unwrap(place).map_err(drop) {
        place.close().await;
    }
    (outcomes, evidence)
}
