//! Counts and times each request, and says which ones were slow (features 19 and 40).

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::startup::Context;
use crate::telemetry::metrics::{Counter, Gauge, Histogram};
use crate::telemetry::query_tally::{self, QueryTally};

/// The three metrics that each service has, and what tells a slow request.
#[derive(Clone)]
pub struct RequestMetrics {
    requests: Counter,
    durations: Histogram,
    active: Gauge,
    clock: Clock,
    /// Above this a request is slow.
    threshold: Duration,
}

impl RequestMetrics {
    /// Registers them under the prefix of the service.
    pub fn register(context: &Context) -> RequestMetrics {
        let (metrics, prefix) = (&context.metrics, context.service.metric_prefix());
        RequestMetrics {
            requests: metrics.counter(
                &format!("{prefix}_requests_total"),
                "Requests answered.",
                &["method", "path", "status_code"],
            ),
            durations: metrics.histogram(
                &format!("{prefix}_request_duration_seconds"),
                "Time from request to answer.",
                &["method", "path"],
            ),
            active: metrics.gauge(&format!("{prefix}_active_connections"), "Requests that are being handled.", &[]),
            clock: context.clock.clone(),
            threshold: context.settings.slow_request_threshold,
        }
    }
}

/// Counts, times and reports one request.
pub async fn layer(State(metrics): State<RequestMetrics>, request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let active = Active::enter(&metrics.active);
    let started = metrics.clock.monotonic();
    let (response, queries) = query_tally::over(next.run(request)).await;
    let duration = metrics.clock.monotonic().saturating_sub(started);
    drop(active);

    let status_code = response.status().as_u16();
    metrics.requests.increment(&[&method, &path, &status_code.to_string()]);
    metrics.durations.observe(&[&method, &path], duration);
    info!(method, path, status_code, duration_ms = milliseconds(duration), "Request completed");
    if duration > metrics.threshold {
        Slow { method, path, status_code, duration, queries }.report(metrics.threshold);
    }
    response
}

/// A request that took too long, and what the database had to do with it.
struct Slow {
    method: String,
    path: String,
    status_code: u16,
    duration: Duration,
    queries: QueryTally,
}

impl Slow {
    fn report(self, threshold: Duration) {
        let (slowest_query, slowest_query_ms) = self.queries.slowest.unzip();
        warn!(
            method = self.method,
            path = self.path,
            status_code = self.status_code,
            duration_ms = milliseconds(self.duration),
            threshold_ms = milliseconds(threshold),
            performance_issue = true,
            query_count = self.queries.count,
            query_total_ms = milliseconds(self.queries.total),
            slowest_query,
            slowest_query_ms = slowest_query_ms.map(milliseconds),
            "Slow request detected"
        );
    }
}

/// Milliseconds with two decimals, as they stand in log lines.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

/// Keeps the gauge up for as long as the request lives, even if its caller hangs up.
struct Active<'a>(&'a Gauge);

impl<'a> Active<'a> {
    fn enter(gauge: &'a Gauge) -> Active<'a> {
        gauge.add(&[], 1.0);
        Active(gauge)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.add(&[], -1.0);
    }
}
