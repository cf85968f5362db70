//! From settings to a service that answers: bind, serve, and on a signal drain and leave.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use crate::call_ledger::Ledger;
use crate::clock::Clock;
use crate::config::Settings;
use crate::error::ApiError;
use crate::every_service;
use crate::middleware::request_metrics::RequestMetrics;
use crate::middleware::shutdown::ShutdownGate;
use crate::middleware::{request_log, request_metrics, shutdown};
use crate::postgres::slow_queries::StatementWatch;
use crate::service::Service;
use crate::telemetry::error_tracker::ErrorTracker;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::{correlation_id, json_log, panics};

/// How long answers that are already made may take to leave.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// The largest body a service takes.
const LARGEST_BODY: usize = 10 * 1024 * 1024;

/// What each part of a service may lean on; clones share it.
#[derive(Clone)]
pub struct Context {
    /// Settings from the environment.
    pub settings: Arc<Settings>,
    /// The time.
    pub clock: Clock,
    /// The metrics.
    pub metrics: Metrics,
    /// The gate that closes at shutdown.
    pub gate: ShutdownGate,
    /// Sees each database statement.
    pub statements: StatementWatch,
    /// The way to the error tracker.
    pub errors: ErrorTracker,
    /// Which service this is.
    pub service: Service,
}

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// The port is taken, or not ours to take.
    #[error("cannot listen on {address}: {source}; free the port or set {variable}")]
    Bind {
        /// Where it tried to listen.
        address: SocketAddr,
        /// What tells the port.
        variable: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A part of the service could not be made.
    #[error("cannot set up {part}: {source}")]
    Part {
        /// Which part.
        part: &'static str,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Serving ended with an error.
    #[error("serving broke off: {0}")]
    Serve(#[source] io::Error),
}

impl Context {
    /// A context for `service`.
    pub fn new(service: Service, settings: Settings) -> Context {
        let clock = if settings.test_endpoints { Clock::adjustable() } else { Clock::real() };
        clock.advance(settings.test_clock_ahead);
        let metrics = Metrics::default();
        let threshold = settings.postgres.slow_query_threshold;
        Context {
            statements: StatementWatch::new(threshold),
            errors: ErrorTracker::new(&settings.error_tracking),
            settings: Arc::new(settings),
            clock,
            metrics,
            gate: ShutdownGate::default(),
            service,
        }
    }
}

/// Runs `service` until a signal ends it.
pub async fn run(service: Service, settings: Settings) -> Result<(), StartupError> {
    let context = Context::new(service, settings);
    let settings = &context.settings;
    json_log::start(&context);
    panics::log_them();
    // Caught from here on, so that a signal during the start is not lost.
    let signals = Signals::listen()?;
    let ledger = Ledger::new(&context);
    let ledger = ledger.map_err(|error| StartupError::Part { part: "the ledger of calls", source: error.into() })?;
    tokio::spawn(ledger.keep());
    let router = whole_router(&context).await?;
    let listener = bind(&context).await?;
    let address = listener.local_addr().map_err(StartupError::Serve)?;
    if settings.sign_in.secret_is_default && matches!(service, Service::Gateway | Service::Auth) {
        warn!("JWT_SECRET is not set, the development secret is in use");
    }
    info!(
        address = %address,
        version = service.version(),
        test_endpoints = settings.test_endpoints,
        "Service started"
    );
    serve(listener, router, &context, signals).await
}

/// The service's own routes, those that all share, and the layers around both.
async fn whole_router(context: &Context) -> Result<Router, StartupError> {
    let own = context.service.router(context).await?;
    if context.service == Service::Gateway {
        // It has the shared routes inside, behind layers in an order of its own.
        return Ok(own);
    }
    let metrics = RequestMetrics::register(context);
    Ok(own
        .merge(every_service::router(context))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(metrics, request_metrics::layer))
        .layer(from_fn_with_state(context.gate.clone(), shutdown::layer))
        .layer(from_fn(request_log::back_end))
        .layer(from_fn(correlation_id::layer)))
}

/// The answer to a path that nobody serves.
pub async fn not_found() -> ApiError {
    ApiError::NotFound("Not Found".to_owned())
}

/// The answer to a method that a path does not have.
pub async fn method_not_allowed() -> ApiError {
    ApiError::MethodNotAllowed
}

async fn bind(context: &Context) -> Result<TcpListener, StartupError> {
    let port = context.settings.place(context.service).port;
    let address = SocketAddr::new(context.settings.bind_address, port);
    TcpListener::bind(address).await.map_err(|source| StartupError::Bind {
        address,
        variable: context.service.port_variable(),
        source,
    })
}

async fn serve(listener: TcpListener, router: Router, context: &Context, signals: Signals) -> Result<(), StartupError> {
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let app = router.into_make_service_with_connect_info::<SocketAddr>();
    // Small answers must not wait for the acknowledgement of the one before.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        ended = &mut server => {
            let ended = ended.unwrap_or_else(|fault| Err(io::Error::other(fault)));
            return ended.map_err(StartupError::Serve);
        }
        name = signals.first() => leave(name, context).await,
    }
    let _ = tokio::time::timeout(LAST_ANSWERS, context.gate.chores_done()).await;
    // Only now the socket closes: while requests were in flight, new ones were refused with words.
    let _ = stop.send(true);
    let _ = tokio::time::timeout(LAST_ANSWERS, server).await;
    let _ = tokio::time::timeout(LAST_ANSWERS, context.statements.flush()).await;
    context.errors.flush(LAST_ANSWERS).await;
    info!("Service stopped");
    Ok(())
}

async fn leave(signal: &'static str, context: &Context) {
    context.gate.close();
    info!(signal, in_flight_requests = context.gate.in_flight(), "Shutdown signal received");
    let limit = context.settings.shutdown_limit;
    context.gate.drained(&context.clock, limit).await;
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Signals, StartupError> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate()).map_err(StartupError::Serve)?,
            interrupt: signal(SignalKind::interrupt()).map_err(StartupError::Serve)?,
        })
    }

    async fn first(mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
