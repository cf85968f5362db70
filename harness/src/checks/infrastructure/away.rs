//! A service that is not there: never brought up for this check, or stopped for it.

use crate::check::{Case, Stop};
use crate::target::{Need, Power, Service};

/// Has a service be away, where that is possible; whether it is. What is stopped here is started again as the check ends.
pub(super) async fn is_away(case: &mut Case, service: Service) -> Result<bool, Stop> {
    // Only a stack of the harness's own can be configured, and it has no services but those that a check asks for.
    match (case.can(Need::Address(service)), case.can(Need::Power(Power::Configure)), case.can(Need::Control)) {
        (false, true, _) => return Ok(true),
        (true, _, true) => case.stop_service(service).await?,
        _ => return Ok(false),
    }
    Ok(true)
}
