//! The back ends behind the gateway: under which prefix each is reached, where it is, and how it has been doing.

use std::sync::Arc;

use crate::config::Place;
use crate::middleware::circuit_breaker::{CircuitBreaker, Limits, Observer, State};
use crate::service::Service;
use crate::startup::Context;
use crate::telemetry::metrics::{Counter, Gauge};

/// Prefix, short name and service of each back end that is reached through the gateway.
const ROUTED: [(&str, &str, Service); 9] = [
    ("/api/auth", "auth", Service::Auth),
    ("/api/diagrams", "diagram", Service::Diagram),
    ("/api/ai", "ai", Service::Ai),
    ("/api/collaboration", "collaboration", Service::Collaboration),
    ("/api/git", "git", Service::Git),
    ("/api/export", "export", Service::Export),
    ("/api/integrations", "integration", Service::Integration),
    ("/api/svg", "svg", Service::SvgRenderer),
    ("/api/frontend", "frontend", Service::Frontend),
];

/// A back end that is reached through the gateway.
pub struct Upstream {
    /// The prefix that belongs to it.
    pub prefix: &'static str,
    /// Its short name, as in labels and reports.
    pub name: &'static str,
    /// Which service it is.
    pub service: Service,
    /// Where it is.
    pub place: Place,
    /// Whether it is called at all.
    pub breaker: Arc<CircuitBreaker>,
}

/// All of them, with closed breakers whose metrics are registered.
pub fn routed(context: &Context) -> Vec<Arc<Upstream>> {
    let metrics = BreakerMetrics {
        state: context.metrics.gauge(
            "api_gateway_circuit_breaker_state",
            "State of the circuit breaker: 0 closed, 1 open, 2 half open.",
            &["service"],
        ),
        failures: context.metrics.counter(
            "api_gateway_circuit_breaker_failures_total",
            "Calls that the circuit breaker counted as failures.",
            &["service"],
        ),
    };
    ROUTED
        .iter()
        .map(|&(prefix, name, service)| {
            Arc::new(Upstream {
                prefix,
                name,
                service,
                place: context.settings.place(service).clone(),
                breaker: breaker(context, metrics.clone(), name),
            })
        })
        .collect()
}

/// Short name and service of everything whose health the gateway reports.
pub fn watched() -> impl Iterator<Item = (&'static str, Service)> {
    ROUTED.iter().map(|&(_, name, service)| (name, service))
}

/// Whether a path belongs to a back end.
pub fn is_proxied(path: &str) -> bool {
    ROUTED.iter().any(|(prefix, _, _)| belongs(path, prefix))
}

/// Whether a path belongs to the back end that signs users in.
pub fn is_sign_in(path: &str) -> bool {
    belongs(path, ROUTED[0].0)
}

fn belongs(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn breaker(context: &Context, metrics: BreakerMetrics, name: &'static str) -> Arc<CircuitBreaker> {
    let settings = &context.settings.circuit_breaker;
    let limits = Limits {
        failure_threshold: settings.failure_threshold,
        open_for: settings.open_for,
        success_threshold: settings.success_threshold,
    };
    let observer = Named { metrics, name };
    CircuitBreaker::new(limits, context.clock.clone(), Box::new(observer))
}

#[derive(Clone)]
struct BreakerMetrics {
    state: Gauge,
    failures: Counter,
}

struct Named {
    metrics: BreakerMetrics,
    name: &'static str,
}

impl Observer for Named {
    fn state_is(&self, state: State) {
        self.metrics.state.set(&[self.name], f64::from(state.gauge()));
    }

    fn call_failed(&self) {
        self.metrics.failures.increment(&[self.name]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_owns_itself_and_what_is_below_it() {
        for path in ["/api/diagrams", "/api/diagrams/", "/api/svg/render"] {
            assert!(is_proxied(path), "{path}");
        }
        for path in ["/api", "/api/diagramsX", "/health", "/api/unknown/"] {
            assert!(!is_proxied(path), "{path}");
        }
        assert!(is_sign_in("/api/auth/me") && !is_sign_in("/api/authors"));
    }

    #[test]
    fn nine_services_are_watched() {
        assert_eq!(watched().count(), 9);
    }
}
