//! The gateway's own routes.

mod circuit_breakers;
mod memory;
mod services;

use std::sync::Arc;

use axum::Router;

use super::memory::Memory;
use super::upstreams::Upstream;
use crate::startup::Context;

/// The reports on back ends and, while test endpoints are on, the memory probes.
pub fn router(context: &Context, upstreams: &[Arc<Upstream>], memory: Memory) -> Router {
    let router = services::router(context).merge(circuit_breakers::router(context, upstreams));
    if context.settings.test_endpoints { router.merge(memory::router(context, memory)) } else { router }
}
