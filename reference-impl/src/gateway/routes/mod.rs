//! The gateway's own routes.

mod circuit_breakers;
mod disk;
mod memory;
mod services;

use std::sync::Arc;

use axum::Router;

use super::disk::Disk;
use super::memory::Memory;
use super::upstreams::Upstream;
use crate::startup::Context;

/// The reports on back ends and, while test endpoints are on, the memory and disk probes.
pub fn router(context: &Context, upstreams: &[Arc<Upstream>], memory: Memory, disk: Disk) -> Router {
    let router = services::router(context).merge(circuit_breakers::router(context, upstreams));
    if !context.settings.test_endpoints {
        return router;
    }
    router.merge(memory::router(context, memory)).merge(disk::router(context, disk))
}
