//! A run from its first moment to its report: a target, the checks, the record.

use super::{Deadline, Event, Place, Plan, RollCall, Rounds, Run, run};
use crate::catalogue::{Catalogue, Feature};
use crate::check::{Patience, mix};
use crate::checks;
use crate::ledger::{Ledger, LedgerError};
use crate::outcome::Outcome;
use crate::probe::left_by_another;
use crate::provision::{Options, ProvisionError, Servers};
use crate::record::{CatalogueId, Footer, Header, RecordError, RecordWriter, Redactor, VERSION};
use crate::settlement::{Settlement, bring_back, settle};
use crate::target::Target;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What the checks look at.
pub enum Subject {
    /// The reference implementation, on servers that are brought up for the run.
    Reference(Options),
    /// Somebody else's system.
    External(Box<Target>),
}

/// Everything a run is asked for.
pub struct Session {
    /// What the checks look at.
    pub subject: Subject,
    /// The feature list.
    pub catalogue: Catalogue,
    /// The selected features, ascending.
    pub numbers: Vec<u16>,
    /// Where the record is written; the directory is made.
    pub record: PathBuf,
    /// Whether the record is there already and is gone on with: `numbers` are then those that have no outcome yet.
    pub resumes: bool,
    /// Checks at a time.
    pub jobs: usize,
    /// How long a single wait may really last.
    pub patience: Patience,
    /// Seed of ids and chance.
    pub seed: u64,
    /// How often each check is run.
    pub rounds: Rounds,
}

/// What a listener hears.
pub enum News<'a> {
    /// A check has begun.
    Started {
        /// Number of its feature.
        feature: u16,
        /// Description of its feature.
        description: &'a str,
    },
    /// A feature has its outcome; it is in the record already.
    Finished(&'a Outcome),
    /// All checks have ended, and what they made on somebody else's system was removed, as far as it could be.
    Settled(&'a Settlement),
}

/// Runs a session. Every outcome is in the record before the listener hears of it, and a target that cannot be
/// brought up is an outcome, too: `error` for every feature that has a check.
///
/// # Errors
/// Where the record cannot be written.
pub async fn conduct(session: Session, mut listener: impl FnMut(News<'_>)) -> Result<PathBuf, RecordError> {
    let began = Instant::now();
    let features = selected(&session.catalogue, &session.numbers);
    let to_check = features.iter().any(|feature| checks::find(feature.number).is_some());
    let mut header = Header {
        version: VERSION,
        tool: format!("conform {}", env!("CARGO_PKG_VERSION")),
        started: now(),
        catalogue: CatalogueId::of(&session.catalogue),
        backend: "none".to_owned(),
        target: "reference".to_owned(),
        facts: BTreeMap::new(),
        seed: session.seed,
        patience_s: session.patience.longest_wait.as_secs_f64(),
        selection: session.numbers.clone(),
    };
    let mut redactor = Redactor::default();
    let place = match session.subject {
        _ if !to_check => Ok(None),
        Subject::External(target) => {
            header.backend = "external".to_owned();
            header.target = target.name.clone();
            let secrets = target.all_secrets();
            redactor = Redactor::new(secrets.iter().map(|secret| secret.expose()));
            Ok(Some((Place::external(*target), None)))
        }
        Subject::Reference(options) => Servers::start(options).await.map(|servers| {
            header.backend = servers.backend().to_string();
            header.facts = servers.facts();
            header.facts.remove("backend");
            let servers = Arc::new(servers);
            Some((Place::stacks(servers.clone(), Vec::new(), session.seed), Some(servers)))
        }),
    };
    let writer = match session.resumes {
        true => resume(&session.record, &header, to_check, redactor)?,
        false => RecordWriter::create_with(&session.record, &header, redactor)?,
    };
    let roll_call = Arc::new(RollCall::default());
    let ledger = match &place {
        Ok(Some((place, _))) if place.is_shared_by_all() => Some(Arc::new(Ledger::of(&session.record)?)),
        _ => None,
    };
    let place = match (place, &ledger) {
        (Ok(Some((place, servers))), Some(ledger)) => match aside(ledger, &place, session.patience).await {
            Some(database) => Err(ProvisionError::DatabaseAside { database }),
            None => Ok(Some((place, servers))),
        },
        (place, _) => place,
    };
    let (mut trouble, mut settlement) = (None, None);
    let mut keep = |event: Event| match event {
        Event::Started { feature, description } => listener(News::Started { feature, description: &description }),
        Event::Finished(one) => {
            writer.know(one.secrets.iter().map(|secret| secret.expose()));
            if let Err(error) = writer.outcome(&one.outcome, one.evidence.as_ref()) {
                trouble.get_or_insert(error);
            }
            listener(News::Finished(&one.outcome));
        }
    };
    match place {
        Ok(Some((place, servers))) => {
            let plan = Plan {
                features: features.iter().map(|one| (one.clone(), checks::find(one.number))).collect(),
                jobs: session.jobs,
                patience: session.patience,
                seed: names_seed(session.seed, session.resumes && ledger.is_some()),
                rounds: session.rounds,
                roll_call: Some(roll_call.clone()),
                ledger: ledger.clone(),
            };
            let place = Arc::new(place);
            come_back(ledger.as_deref(), &place, session.patience).await?;
            run(plan, &place, keep).await;
            settlement = settle_what_is_owed(ledger.as_deref(), &place, session.patience).await;
            leave(place, servers).await;
        }
        Ok(None) => features.iter().for_each(|one| keep(Event::Finished(Run::unchecked(one)))),
        Err(error) => {
            let reason = format!("no target: {error}");
            features.iter().for_each(|one| keep(Event::Finished(Run::without_target(one, &reason))));
        }
    }
    match settlement {
        Some(Ok(settled)) => listener(News::Settled(&settled)),
        Some(Err(error)) => drop(trouble.get_or_insert(error.into())),
        None => {}
    }
    writer.finish(&Footer {
        ended: now(),
        duration_ms: (began.elapsed().as_secs_f64() * 1e4).round() / 10.0,
        totals: writer.totals(),
        environment: roll_call.heard().await,
        deadlines: roll_call.answer().await.map(Deadline::recorded),
    })?;
    trouble.map_or(Ok(session.record), Err)
}

/// From what the checks draw their names. On somebody else's system an earlier part of the run may have left something under
/// those of the run's own seed, if only what Redis keeps for a day (feature 36); evidence says from which seed it is.
fn names_seed(seed: u64, goes_on_as_a_guest: bool) -> u64 {
    match goes_on_as_a_guest {
        true => mix(seed ^ chrono::Utc::now().timestamp_micros().unsigned_abs()),
        false => seed,
    }
}

/// The database that another run has put aside and left: what is in its place is none to be judged.
async fn aside(ledger: &Arc<Ledger>, place: &Place, patience: Patience) -> Option<String> {
    left_by_another(&place.visit(patience)?.keeping(Some(ledger.clone()))).await
}

/// Has those services run again that an earlier part of this run has stopped, and did not come to start.
async fn come_back(ledger: Option<&Ledger>, place: &Place, patience: Patience) -> Result<(), LedgerError> {
    let Some((ledger, live)) = ledger.zip(place.visit(patience)) else {
        return Ok(());
    };
    // One that does not come back is found away by the checks, and told of as the run ends.
    bring_back(ledger, &Arc::new(live)).await.map(drop)
}

/// Removes what checks made on somebody else's system; nothing where they made nothing.
async fn settle_what_is_owed(
    ledger: Option<&Ledger>,
    place: &Place,
    patience: Patience,
) -> Option<Result<Settlement, LedgerError>> {
    let ledger = ledger.filter(|ledger| !ledger.owed().is_empty())?;
    Some(settle(ledger, &Arc::new(place.visit(patience)?)).await)
}

/// Goes on with a record, if it is of this catalogue, and, where anything is left to look at, of this target and backend.
fn resume(dir: &Path, here: &Header, to_check: bool, redactor: Redactor) -> Result<RecordWriter, RecordError> {
    let (writer, recorded) = RecordWriter::resume(dir, redactor)?;
    let of = |header: &Header| {
        let Header { target, backend, tool, .. } = header;
        format!("{target} on the {backend} backend by {tool}")
    };
    let other = |recorded: String, here: String| RecordError::OfAnother { dir: dir.into(), recorded, here };
    if recorded.catalogue != here.catalogue {
        return Err(other("another catalogue".to_owned(), "the one named here".to_owned()));
    }
    if to_check && of(&recorded) != of(here) {
        return Err(other(of(&recorded), of(here)));
    }
    Ok(writer)
}

/// Takes down what was brought up.
async fn leave(place: Arc<Place>, servers: Option<Arc<Servers>>) {
    if let Ok(place) = Arc::try_unwrap(place).map_err(drop) {
        place.close().await;
    }
    if let Some(servers) = servers.and_then(Arc::into_inner) {
        servers.stop().await;
    }
}

fn selected(catalogue: &Catalogue, numbers: &[u16]) -> Vec<Feature> {
    numbers.iter().filter_map(|&number| catalogue.feature(number).cloned()).collect()
}

fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
