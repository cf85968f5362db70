//! The gateway's own routes.

mod alerts;
mod backup;
mod circuit_breakers;
mod cpu;
mod dependencies;
mod disaster_recovery;
mod memory;
mod network;
mod services;

use std::sync::Arc;

use axum::Router;

use super::alerts::Alerts;
use super::cpu::Cpu;
use super::dependencies::Dependencies;
use super::memory::Memory;
use super::prober::Prober;
use super::upstreams::Upstream;
use crate::backup::Backups;
use crate::middleware::operation_cost::Costs;
use crate::object_store::ObjectStore;
use crate::startup::Context;

/// What the gateway watches of itself and of others.
pub struct Watches {
    /// Its memory.
    pub memory: Memory,
    /// Its CPU use.
    pub cpu: Cpu,
    /// What its operations cost.
    pub costs: Costs,
    /// Who has been down for too long.
    pub alerts: Alerts,
    /// Who depends on whom.
    pub dependencies: Dependencies,
    /// Who is well.
    pub prober: Prober,
}

/// The reports on back ends, the care for backups and, while test endpoints are on, the probes.
pub fn router(context: &Context, upstreams: &[Arc<Upstream>], watches: Watches, store: &ObjectStore) -> Router {
    let backups = Backups::watch(context, store);
    let Watches { memory, cpu, costs, alerts, dependencies, prober } = watches;
    let router = services::router(context, prober.clone())
        .merge(dependencies::router(context, dependencies, prober))
        .merge(alerts::router(context, alerts))
        .merge(circuit_breakers::router(context, upstreams))
        .merge(backup::router(context, &backups))
        .merge(disaster_recovery::router(context, &backups));
    if !context.settings.test_endpoints {
        return router;
    }
    router
        .merge(memory::router(context, memory))
        .merge(cpu::router(context, cpu, costs))
        .merge(network::router(context))
}
