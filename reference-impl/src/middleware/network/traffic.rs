//! What becomes of the sizes: lines in the log, counters, and a word about large ones.

use crate::service::Service;
use crate::telemetry::metrics::{Counter, Metrics};
use crate::telemetry::units::{megabytes, rounded};

/// The counters of a service's traffic.
pub struct Traffic {
    request_bytes: Counter,
    response_bytes: Counter,
    saved_bytes: Counter,
    large: Counter,
    /// Above this a body is large.
    large_above: u64,
}

/// A request whose bodies were weighed.
pub(super) struct Weighed {
    pub takes_a_body: bool,
    pub method: String,
    pub path: String,
    pub correlation_id: Option<String>,
    pub status: u16,
    pub compressed: bool,
}

impl Traffic {
    /// Registers the counters under the prefix of `service`; a body above `large_above` bytes is large.
    pub fn register(metrics: &Metrics, service: Service, large_above: u64) -> Traffic {
        let name = |what: &str| format!("{}_network_{what}_total", service.metric_prefix());
        Traffic {
            request_bytes: metrics.counter(
                &name("request_bytes"),
                "Bytes in bodies of POST, PUT and PATCH.",
                &["method", "path"],
            ),
            response_bytes: metrics.counter(
                &name("response_bytes"),
                "Bytes in bodies of answers, before compression.",
                &["method", "path", "status_code"],
            ),
            saved_bytes: metrics.counter(
                &name("bandwidth_saved_bytes"),
                "Bytes that compression kept off the wire.",
                &["method", "path"],
            ),
            large: metrics.counter(&name("large_payload_count"), "Bodies above the threshold.", &["payload_type"]),
            large_above,
        }
    }

    /// Takes a request in: the bytes of its body, of the answer, and of the answer as it went over the wire.
    pub(super) fn record(&self, weighed: &Weighed, request: u64, response: u64, sent: u64) {
        let Weighed { method, path, correlation_id, .. } = weighed;
        let status = weighed.status.to_string();
        if request > 0 {
            self.request_bytes.add(&[method, path], request as f64);
        }
        self.response_bytes.add(&[method, path, &status], response as f64);
        tracing::debug!(
            correlation_id,
            method,
            path,
            status_code = weighed.status,
            request_size_bytes = request,
            response_size_bytes = response,
            compressed = weighed.compressed,
            "Network traffic"
        );
        self.report_large(weighed, request, response);
        if weighed.compressed {
            let saved = response.saturating_sub(sent);
            self.saved_bytes.add(&[method, path], saved as f64);
            tracing::info!(
                correlation_id,
                method,
                path,
                original_size_bytes = response,
                compressed_size_bytes = sent,
                bandwidth_saved_bytes = saved,
                compression_ratio = rounded(saved as f64 / response.max(1) as f64 * 100.0),
                "Response compressed"
            );
        }
    }

    fn report_large(&self, weighed: &Weighed, request: u64, response: u64) {
        let Weighed { method, path, correlation_id, .. } = weighed;
        let threshold_mb = megabytes(self.large_above);
        if request > self.large_above {
            self.large.increment(&["request"]);
            tracing::warn!(
                correlation_id,
                method,
                path,
                request_size_bytes = request,
                request_size_mb = megabytes(request),
                threshold_mb,
                "Large request payload detected"
            );
        }
        if response > self.large_above {
            self.large.increment(&["response"]);
            tracing::warn!(
                correlation_id,
                method,
                path,
                response_size_bytes = response,
                response_size_mb = megabytes(response),
                threshold_mb,
                "Large response payload detected"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(compressed: bool) -> Weighed {
        Weighed {
            takes_a_body: true,
            method: "POST".to_owned(),
            path: "/x".to_owned(),
            correlation_id: None,
            status: 200,
            compressed,
        }
    }

    #[test]
    fn only_a_body_above_the_threshold_is_large() {
        let metrics = Metrics::default();
        let traffic = Traffic::register(&metrics, Service::Gateway, 1024);
        traffic.record(&post(false), 1024, 1024, 1024);
        assert!(!metrics.render().contains("large_payload_count_total{"));
        traffic.record(&post(false), 1025, 1, 1);
        traffic.record(&post(true), 1, 2000, 100);
        let text = metrics.render();
        for sample in [
            "api_gateway_network_large_payload_count_total{payload_type=\"request\"} 1",
            "api_gateway_network_large_payload_count_total{payload_type=\"response\"} 1",
            "api_gateway_network_request_bytes_total{method=\"POST\",path=\"/x\"} 2050",
            "api_gateway_network_response_bytes_total{method=\"POST\",path=\"/x\",status_code=\"200\"} 3025",
            "api_gateway_network_bandwidth_saved_bytes_total{method=\"POST\",path=\"/x\"} 1900",
        ] {
            assert!(text.contains(sample), "{sample} is missing in {text}");
        }
    }
}
