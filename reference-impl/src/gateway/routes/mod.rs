//! The gateway's own routes.

mod circuit_breakers;
mod memory;
mod network;
mod services;

use std::sync::Arc;

use axum::Router;

use super::memory::Memory;
use super::upstreams::Upstream;
use crate::startup::Context;

/// The reports on back ends and, while test endpoints are on, the probes.
pub fn router(context: &Context, upstreams: &[Arc<Upstream>], memory: Memory) -> Router {
    let router = services::router(context).merge(circuit_breakers::router(context, upstreams));
    if !context.settings.test_endpoints {
        return router;
    }
    router.merge(memory::router(context, memory)).merge(network::router(context))
}
