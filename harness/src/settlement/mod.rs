//! Removes from somebody else's system what checks made there, by the ledger of their run.

mod asking;
mod backups;
mod brought_back;
mod diagrams;
mod objects;
mod rows;
mod signing_in;

pub use brought_back::bring_back;

use crate::check::{Case, Live, Stop};
use crate::ledger::{Ledger, LedgerError, Owed, Thing};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

/// Said of an account that only its database could forget: AutoGraph has no route that removes one.
const NO_ROUTE: &str = "no route removes an account, and there is no leave to write to the database";
/// Said of what is left once nothing answers any more.
const SILENT: &str = "the target does not answer";

/// What became of the things that a ledger names.
#[derive(Debug, Default)]
pub struct Settlement {
    /// What is gone.
    pub removed: Vec<Thing>,
    /// What is still there, and why.
    pub left: Vec<(Thing, String)>,
}

/// Removes what is owed, one thing after another; what cannot be removed stays in the ledger with the reason. A target
/// that has stopped answering is not asked again, and where one thing takes too long in vain, others of its kind are left.
///
/// # Errors
/// When the ledger cannot be written.
pub async fn settle(ledger: &Ledger, live: &Arc<Live>) -> Result<Settlement, LedgerError> {
    let mut settlement = Settlement::default();
    let all = ledger.owed();
    let mut owed: Vec<&Owed> = all.iter().collect();
    // Kinds of things on which time was lost in vain.
    let mut lost = HashSet::new();
    while !owed.is_empty() {
        let (mut again, mut backups_gone) = (Vec::new(), false);
        for one in owed {
            let (began, kind) = (Instant::now(), std::mem::discriminant(&one.thing));
            let done = match lost.contains(&kind) {
                true => Err(Remains(SILENT.to_owned())),
                false => attempt(live, one, &all).await,
            };
            match done {
                Ok(()) => {
                    ledger.removed(&one.thing)?;
                    backups_gone |= is_database_backup(&one.thing);
                    settlement.removed.push(one.thing.clone());
                }
                Err(Remains(why)) => {
                    if began.elapsed() >= live.patience.answer {
                        lost.insert(kind);
                    }
                    again.push((one, why));
                }
            }
        }
        // A backup that others go on from may not go before them.
        let (waiting, left): (Vec<_>, Vec<_>) =
            again.into_iter().partition(|(one, _)| backups_gone && is_database_backup(&one.thing));
        for (one, why) in left {
            ledger.left(&one.thing, &why)?;
            settlement.left.push((one.thing.clone(), why));
        }
        owed = waiting.into_iter().map(|(one, _)| one).collect();
    }
    // Passwords help to remove what only the services remove, and nothing else.
    if !settlement.left.iter().any(|(thing, _)| thing.is_removed_by_a_service()) {
        ledger.forget_key()?;
    }
    Ok(settlement)
}

fn is_database_backup(thing: &Thing) -> bool {
    matches!(thing, Thing::DatabaseBackup { .. })
}

async fn attempt(live: &Arc<Live>, one: &Owed, all: &[Owed]) -> Result<(), Remains> {
    // Rows and objects are removed by those who keep them.
    if one.thing.is_removed_by_a_service() && live.target_is_gone().await {
        return Err(Remains(SILENT.to_owned()));
    }
    match one.thing {
        Thing::Stopped { service } => brought_back::start(live, service).await,
        Thing::Database { .. } => brought_back::database(live).await,
        _ => remove(&mut Case::live(live.clone(), 0, 0, 0), one, all).await,
    }
}

/// Why something is still there.
struct Remains(String);

impl From<Stop> for Remains {
    fn from(stop: Stop) -> Remains {
        Remains(match stop {
            Stop::Failed => "the target has other tables than the contract's".to_owned(),
            other => other.to_string(),
        })
    }
}

async fn remove(case: &mut Case, owed: &Owed, all: &[Owed]) -> Result<(), Remains> {
    match &owed.thing {
        Thing::Object { bucket, key } => objects::remove_object(case, bucket, key).await,
        Thing::Bucket { name } => objects::remove_bucket(case, name).await,
        Thing::Diagram { id, owner } => diagrams::remove(case, (id, owner), owed, all).await,
        Thing::DatabaseBackup { file } => backups::remove(case, ("/api/admin/backup", file), owed, all).await,
        Thing::BucketBackup { name } => backups::remove(case, ("/api/admin/minio/backup", name), owed, all).await,
        Thing::Account { email } if case.may_write().is_ok() => {
            rows::remove(case, "users", &format!("email = '{email}'")).await
        }
        Thing::Account { .. } => Err(Remains(NO_ROUTE.to_owned())),
        Thing::Stopped { .. } | Thing::Database { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Patience;
    use crate::doubles::{HostileStore, HostileStoreServer};
    use crate::target::{PostgresAccess, Secret, Target};
    use std::time::Duration;

    #[tokio::test]
    async fn a_database_that_says_nothing_is_not_asked_for_each_account() {
        let store = HostileStoreServer::start(HostileStore::PostgresHangs).await.unwrap();
        let postgres = PostgresAccess {
            host: "127.0.0.1".to_owned(),
            port: store.port(),
            database: "a".to_owned(),
            user: "u".to_owned(),
            password: Secret::new(""),
            tls: false,
        };
        let target = Target { postgres: Some(postgres), ..Target::unreachable("mute") };
        let patience = Patience { answer: Duration::from_millis(50), ..Patience::default() };
        let live = Arc::new(Live::new(target, patience, Arc::default(), 0));
        let place = tempfile::tempdir().unwrap();
        let ledger = Ledger::of(place.path()).unwrap();
        for nth in 0..200 {
            ledger.note(Thing::account(&format!("conform-f041-{nth:08x}@example.com")).unwrap(), None, None).unwrap();
        }
        let began = Instant::now();
        let settlement = settle(&ledger, &live).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!((settlement.removed.len(), settlement.left.len()), (0, 200));
        assert_eq!(settlement.left[199].1, SILENT);
    }
}
