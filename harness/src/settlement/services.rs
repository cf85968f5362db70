//! Services that a check has stopped.

use super::Remains;
use crate::check::Live;
use crate::ledger::{Ledger, LedgerError, Thing};
use crate::target::Service;
use std::sync::Arc;

/// Starts again what the ledger says was stopped and not started since; names what does not come back, and why.
///
/// # Errors
/// When the ledger cannot be written.
pub async fn bring_back(ledger: &Ledger, live: &Arc<Live>) -> Result<Vec<String>, LedgerError> {
    let mut missing = Vec::new();
    for owed in ledger.owed() {
        let Thing::Stopped { service } = owed.thing else {
            continue;
        };
        match start(live, service).await {
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
