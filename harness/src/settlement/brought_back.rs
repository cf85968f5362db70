//! Brings back what a check has taken away for a while: services that it stopped, and the database that it put aside.

use super::Remains;
use crate::check::Live;
use crate::ledger::{Ledger, LedgerError, Thing};
use crate::target::Service;
use std::sync::Arc;

/// Starts again what the ledger says was stopped and not started since, and brings the database back; names what does
/// not come back, and why.
///
/// # Errors
/// When the ledger cannot be written.
pub async fn bring_back(ledger: &Ledger, live: &Arc<Live>) -> Result<Vec<String>, LedgerError> {
    let mut missing = Vec::new();
    for owed in ledger.owed() {
        let back = match owed.thing {
            Thing::Stopped { service } => start(live, service).await,
            Thing::Database { .. } => database(live).await,
            _ => continue,
        };
        match back {
            Ok(()) => ledger.removed(&owed.thing)?,
            Err(Remains(why)) => missing.push(format!("{}: {why}", owed.thing)),
        }
    }
    Ok(missing)
}

pub(super) async fn start(live: &Live, service: Service) -> Result<(), Remains> {
    match &live.target.control {
        Some(control) => control.start(service).await.map_err(|error| Remains(error.to_string())),
        None => Err(Remains("the target file has no [control] any more".to_owned())),
    }
}

pub(super) async fn database(live: &Live) -> Result<(), Remains> {
    if live.target.postgres.is_none() {
        return Err(Remains("the target file has no [postgres] any more".to_owned()));
    }
    crate::probe::bring_back(live).await.map_err(|error| Remains(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Patience;
    use crate::target::{Boxed, CannotControl, Control, Target};
    use std::sync::Mutex;

    /// Starts all services but one.
    #[derive(Default)]
    struct AllButOne(Mutex<Vec<Service>>);

    impl Control for AllButOne {
        fn stop(&self, _: Service) -> Boxed<'_, Result<(), CannotControl>> {
            Box::pin(async { Ok(()) })
        }

        fn start(&self, service: Service) -> Boxed<'_, Result<(), CannotControl>> {
            Box::pin(async move {
                if service == Service::Git {
                    return Err(CannotControl::new("start", service, "it is broken"));
                }
                self.0.lock().unwrap().push(service);
                Ok(())
            })
        }

        fn pid(&self, service: Service) -> Boxed<'_, Result<u32, CannotControl>> {
            Box::pin(async move { Err(CannotControl::new("find", service, "nobody asks")) })
        }
    }

    #[tokio::test]
    async fn what_was_stopped_and_not_started_is_started_by_whoever_reads_the_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let control = Arc::new(AllButOne::default());
        let target = Target { control: Some(control.clone()), ..Target::unreachable("somebody's") };
        let live = Arc::new(Live::new(target, Patience::default(), Arc::default(), 0));
        let ledger = Ledger::of(folder.path()).unwrap();
        for service in [Service::Auth, Service::Git, Service::Ai] {
            ledger.note(Thing::Stopped { service }, None, None).unwrap();
        }
        ledger.removed(&Thing::Stopped { service: Service::Ai }).unwrap();
        drop(ledger);

        let ledger = Ledger::of(folder.path()).unwrap();
        let missing = bring_back(&ledger, &live).await.unwrap();
        assert_eq!(*control.0.lock().unwrap(), [Service::Auth]);
        assert_eq!(missing.len(), 1);
        assert!(missing[0].starts_with("git-service, which was stopped: ") && missing[0].contains("it is broken"));
        assert_eq!(Ledger::of(folder.path()).unwrap().owed().len(), 1);
    }
}
