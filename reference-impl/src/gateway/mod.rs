//! The gateway: one door to all back ends (features 7-10, 17, 33, 34, 36).

mod alerts;
mod cpu;
mod dependencies;
mod disk;
mod headers;
mod level;
mod memory;
mod nodes;
mod prober;
mod proxy;
mod public_paths;
mod read_ahead;
mod routes;
mod upstreams;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::any;

use crate::call_ledger::Ledger;
use crate::every_service;
use crate::http_client::Client;
use crate::middleware::cors::{AllowedOrigins, cors};
use crate::middleware::deadline::{Deadline, deadline};
use crate::middleware::idempotency::{self, idempotency};
use crate::middleware::network::{self, Traffic};
use crate::middleware::operation_cost::{self, Costs};
use crate::middleware::rate_limit::{RateLimiter, rate_limit};
use crate::middleware::request_metrics::RequestMetrics;
use crate::middleware::signed_in::{Gatekeeper, require_signed_in};
use crate::middleware::{caller_name, request_log, request_metrics, shutdown};
use crate::object_store::ObjectStore;
use crate::redis::{self, Pool};
use crate::startup::{Context, StartupError, method_not_allowed, not_found};
use crate::telemetry::correlation_id;

use alerts::Alerts;
use cpu::Cpu;
use dependencies::Dependencies;
use disk::Disk;
use memory::Memory;
use prober::Prober;
use proxy::Forwarding;
use routes::Watches;
use upstreams::Upstream;

/// How much longer than a request the lock on its idempotency key lives.
const LOCK_OUTLIVES_REQUEST: Duration = Duration::from_secs(5);

/// The routes of the gateway and all layers around them, the outermost last.
pub async fn router(context: &Context) -> Result<Router, StartupError> {
    let pool = redis_pool(context);
    let upstreams = upstreams::routed(context);
    let costs = Costs::register(&context.metrics, context.service);
    let prober = Prober::new(&context.settings);
    let store = object_store(context)?;
    let watches = Watches {
        memory: Memory::watch(context),
        cpu: Cpu::watch(context),
        costs: costs.clone(),
        disk: Disk::watch(context, store.clone()),
        alerts: Alerts::watch(context, prober.clone())?,
        dependencies: dependencies(context)?,
        prober,
    };
    let metrics = RequestMetrics::register(context);
    let mut router = proxied(&upstreams)
        .merge(routes::router(context, &upstreams, watches, &store)?)
        .merge(every_service::router(context))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(rate_limiter(context, &pool), rate_limit));
    if context.settings.idempotency.enabled {
        let store = answers(context, pool);
        router = router.layer(from_fn_with_state(store, idempotency));
    }
    let router = router
        .layer(from_fn_with_state(time_limit(context), deadline))
        .layer(from_fn_with_state(metrics, request_metrics::layer))
        .layer(from_fn_with_state(context.gate.clone(), shutdown::layer))
        .layer(from_fn_with_state(gatekeeper(context), require_signed_in));
    Ok(watch_traffic(router, context)
        .layer(from_fn_with_state(origins(context), cors))
        .layer(from_fn(request_log::gateway))
        .layer(from_fn_with_state(context.service, caller_name::layer))
        .layer(from_fn_with_state(costs, operation_cost::layer))
        .layer(from_fn(correlation_id::layer)))
}

fn dependencies(context: &Context) -> Result<Dependencies, StartupError> {
    let ledger = Ledger::new(context);
    let ledger = ledger.map_err(|error| StartupError::Part { part: "the ledger of calls", source: error.into() })?;
    Ok(Dependencies::new(ledger, &context.settings))
}

/// What is inside compression is stored and replayed as it is, and compressed anew for whoever asks.
fn watch_traffic(router: Router, context: &Context) -> Router {
    let network = &context.settings.network;
    let traffic = Traffic::register(&context.metrics, context.service, network.large_above_bytes);
    let mut router = router.layer(from_fn(network::original_size));
    if network.compression_enabled {
        router = router.layer(network::compression(network.compression_min_bytes));
    }
    router.layer(from_fn_with_state(Arc::new(traffic), network::weigh))
}

/// Each back end under its prefix, with and without a slash at the end.
fn proxied(upstreams: &[Arc<Upstream>]) -> Router {
    let client = Client::new();
    upstreams.iter().fold(Router::new(), |router, upstream| {
        let prefix = upstream.prefix;
        let forward =
            any(proxy::forward).with_state(Forwarding { upstream: Arc::clone(upstream), client: client.clone() });
        router
            .route(prefix, forward.clone())
            .route(&format!("{prefix}/"), forward.clone())
            .route(&format!("{prefix}/{{*rest}}"), forward)
    })
}

fn redis_pool(context: &Context) -> Pool {
    let pool = Pool::new(&context.settings, redis::GATEWAY);
    let gauge = context.metrics.gauge(
        "api_gateway_redis_connections",
        "Connections to Redis that answered when last used.",
        &[],
    );
    let counted = pool.clone();
    context.metrics.before_scrape(move || gauge.set(&[], counted.connected() as f64));
    // The start does not wait for Redis: nothing the gateway is there for depends on it.
    let first = pool.clone();
    tokio::spawn(async move { first.ping().await });
    pool
}

fn object_store(context: &Context) -> Result<ObjectStore, StartupError> {
    ObjectStore::new(&context.settings.object_store.main)
        .map_err(|error| StartupError::Part { part: "the way to the object store", source: error.into() })
}

fn rate_limiter(context: &Context, pool: &Pool) -> Arc<RateLimiter> {
    let settings = &context.settings.rate_limit;
    let refusals = context.metrics.counter(
        "api_gateway_rate_limit_exceeded_total",
        "Requests refused because a limit was passed.",
        &["key_type"],
    );
    Arc::new(RateLimiter {
        pool: pool.clone(),
        clock: context.clock.clone(),
        per_user: settings.per_user,
        per_ip: settings.per_ip,
        window: settings.window,
        counts_address: |path| upstreams::is_proxied(path) || is_public_report(path),
        counts_user: |path| upstreams::is_proxied(path) && !upstreams::is_sign_in(path),
        on_excess: Box::new(move |kind| refusals.increment(&[kind])),
    })
}

/// What anyone may ask the gateway about itself and the others.
fn is_public_report(path: &str) -> bool {
    ["/health", "/alerts", "/dependencies"].contains(&path) || path.starts_with("/health/")
}

fn answers(context: &Context, pool: Pool) -> Arc<idempotency::Store> {
    let lock_life = context.settings.request_timeout + LOCK_OUTLIVES_REQUEST;
    let ttl = context.settings.idempotency.ttl;
    let clock = context.clock.clone();
    Arc::new(idempotency::Store::new(pool, clock, ttl, lock_life))
}

fn time_limit(context: &Context) -> Deadline {
    Deadline { clock: context.clock.clone(), limit: context.settings.request_timeout }
}

fn gatekeeper(context: &Context) -> Arc<Gatekeeper> {
    let sign_in = &context.settings.sign_in;
    let test_endpoints = context.settings.test_endpoints;
    Arc::new(Gatekeeper::new(sign_in.secret.reveal(), sign_in.leeway, context.clock.clone(), move |path| {
        public_paths::is_public(path, test_endpoints)
    }))
}

fn origins(context: &Context) -> Arc<AllowedOrigins> {
    Arc::new(AllowedOrigins::new(context.settings.cors_origins.clone()))
}
