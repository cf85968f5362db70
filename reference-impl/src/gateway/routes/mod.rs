//! The gateway's own routes.

mod alerts;
mod backup;
mod bucket_backup;
mod circuit_breakers;
mod cpu;
mod dependencies;
mod disaster_recovery;
mod disk;
mod memory;
mod network;
mod services;

use std::sync::Arc;

use axum::Router;

use super::alerts::Alerts;
use super::cpu::Cpu;
use super::dependencies::Dependencies;
use super::disk::Disk;
use super::memory::Memory;
use super::prober::Prober;
use super::upstreams::Upstream;
use crate::backup::Backups;
use crate::bucket_backup::BucketBackups;
use crate::middleware::operation_cost::Costs;
use crate::object_store::ObjectStore;
use crate::startup::{Context, StartupError};

/// What the gateway watches of itself and of others.
pub struct Watches {
    /// Its memory.
    pub memory: Memory,
    /// Its CPU use.
    pub cpu: Cpu,
    /// What its operations cost.
    pub costs: Costs,
    /// How full the stores are.
    pub disk: Disk,
    /// Who has been down for too long.
    pub alerts: Alerts,
    /// Who depends on whom.
    pub dependencies: Dependencies,
    /// Who is well.
    pub prober: Prober,
}

/// The reports on back ends, the care for backups and, while test endpoints are on, the probes.
pub fn router(
    context: &Context,
    upstreams: &[Arc<Upstream>],
    watches: Watches,
    store: &ObjectStore,
) -> Result<Router, StartupError> {
    let backups = Backups::watch(context, store);
    let Watches { memory, cpu, costs, disk, alerts, dependencies, prober } = watches;
    let router = services::router(context, prober.clone())
        .merge(dependencies::router(context, dependencies, prober))
        .merge(alerts::router(context, alerts))
        .merge(circuit_breakers::router(context, upstreams))
        .merge(backup::router(context, &backups))
        .merge(bucket_backup::router(context, BucketBackups::watch(context)?))
        .merge(disaster_recovery::router(context, &backups));
    if !context.settings.test_endpoints {
        return Ok(router);
    }
    Ok(router
        .merge(memory::router(context, memory))
        .merge(cpu::router(context, cpu, costs))
        .merge(network::router(context))
        .merge(disk::router(context, disk)))
}
