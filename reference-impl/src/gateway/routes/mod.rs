//! The gateway's own routes.

mod backup;
mod circuit_breakers;
mod disaster_recovery;
mod memory;
mod network;
mod services;

use std::sync::Arc;

use axum::Router;

use super::memory::Memory;
use super::upstreams::Upstream;
use crate::backup::Backups;
use crate::startup::Context;

/// The reports on back ends, the care for backups and, while test endpoints are on, the probes.
pub fn router(context: &Context, upstreams: &[Arc<Upstream>], memory: Memory) -> Router {
    let backups = Backups::watch(context);
    let router = services::router(context)
        .merge(circuit_breakers::router(context, upstreams))
        .merge(backup::router(context, &backups))
        .merge(disaster_recovery::router(context, &backups));
    if !context.settings.test_endpoints {
        return router;
    }
    router.merge(memory::router(context, memory)).merge(network::router(context))
}
