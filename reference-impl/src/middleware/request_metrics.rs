//! Counts and times each request, and says which ones were slow (features 19 and 40).

use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{info, warn};

use crate::service::Service;
use crate::telemetry::metrics::{Counter, Gauge, Histogram, Metrics};

/// Above this a request is slow.
const SLOW: Duration = Duration::from_secs(1);

/// The three metrics that each service has.
#[derive(Clone)]
pub struct RequestMetrics {
    requests: Counter,
    durations: Histogram,
    active: Gauge,
}

impl RequestMetrics {
    /// Registers them under the prefix of `service`.
    pub fn register(metrics: &Metrics, service: Service) -> RequestMetrics {
        let prefix = service.metric_prefix();
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
        }
    }
}

/// Counts, times and reports one request.
pub async fn layer(State(metrics): State<RequestMetrics>, request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let active = Active::enter(&metrics.active);
    let started = Instant::now();
    let response = next.run(request).await;
    let duration = started.elapsed();
    drop(active);

    let status_code = response.status().as_u16();
    metrics.requests.increment(&[&method, &path, &status_code.to_string()]);
    metrics.durations.observe(&[&method, &path], duration);

    let duration_ms = milliseconds(duration);
    info!(method, path, status_code, duration_ms, "Request completed");
    if duration > SLOW {
        warn!(
            method,
            path,
            status_code,
            duration_ms,
            threshold_ms = milliseconds(SLOW),
            performance_issue = true,
            "Slow request detected"
        );
    }
    response
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
