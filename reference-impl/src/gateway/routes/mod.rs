//! The gateway's own routes.

mod backup;
mod bucket_backup;
mod circuit_breakers;
mod disaster_recovery;
mod disk;
mod memory;
mod network;
mod services;

use std::sync::Arc;

use axum::Router;

use super::disk::Disk;
use super::memory::Memory;
use super::upstreams::Upstream;
use crate::backup::Backups;
use crate::bucket_backup::BucketBackups;
use crate::startup::{Context, StartupError};

/// The reports on back ends, the care for backups and, while test endpoints are on, the probes.
pub fn router(
    context: &Context,
    upstreams: &[Arc<Upstream>],
    memory: Memory,
    disk: Disk,
) -> Result<Router, StartupError> {
    let backups = Backups::watch(context);
    let router = services::router(context)
        .merge(circuit_breakers::router(context, upstreams))
        .merge(backup::router(context, &backups))
        .merge(bucket_backup::router(context, BucketBackups::watch(context)?))
        .merge(disaster_recovery::router(context, &backups));
    if !context.settings.test_endpoints {
        return Ok(router);
    }
    Ok(router.merge(memory::router(context, memory)).merge(network::router(context)).merge(disk::router(context, disk)))
}
