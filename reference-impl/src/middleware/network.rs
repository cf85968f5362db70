//! Weighs requests and answers, and compresses answers for clients that take it (feature 44).
//!
//! Three layers work together, the outermost first: [`weigh`] counts what crosses the wire, the compression of
//! [`compression`] may make it less, and [`original_size`] counts what there was to begin with.

mod counted_body;
mod traffic;

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{Method, Response as HttpResponse};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};

use crate::telemetry::correlation_id::CorrelationId;
use counted_body::{Count, CountedBody};
pub use traffic::Traffic;
use traffic::Weighed;

/// Where more effort gains little.
const LEVEL: CompressionLevel = CompressionLevel::Precise(6);

/// Which answers are worth compressing: those of some size, but no pictures, and no events, which must not wait.
pub type WorthIt = And<And<SizeAbove, NotForContentType>, NotForContentType>;

/// Compresses answers of at least so many bytes.
pub fn compression(min_bytes: u16) -> CompressionLayer<WorthIt> {
    let worth_it = SizeAbove::new(min_bytes).and(NotForContentType::IMAGES).and(NotForContentType::SSE);
    CompressionLayer::new().quality(LEVEL).compress_when(worth_it)
}

/// The answer before it is compressed, as the inner layer leaves word of it for the outer one.
#[derive(Clone, Default)]
struct Original {
    size: Count,
    encoded: Arc<std::sync::atomic::AtomicBool>,
}

/// Counts both bodies of a request and reports them once the answer has left, or was given up.
pub async fn weigh(State(traffic): State<Arc<Traffic>>, mut request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let correlation_id = request.extensions().get::<CorrelationId>().map(|CorrelationId(id)| id.clone());
    let original = Original::default();
    request.extensions_mut().insert(original.clone());
    let announced = request.body().size_hint().lower();
    let read = Count::default();
    let request = request.map(|body| Body::new(CountedBody::new(body, read.clone(), None::<Report>)));
    let response = next.run(request).await;
    let encoded_before = original.encoded.load(std::sync::atomic::Ordering::Relaxed);
    let report = Report {
        traffic,
        weighed: Weighed {
            takes_a_body: [Method::POST, Method::PUT, Method::PATCH].contains(&method),
            method: method.to_string(),
            path,
            correlation_id,
            status: response.status().as_u16(),
            compressed: response.headers().contains_key(CONTENT_ENCODING) && !encoded_before,
        },
        announced,
        read,
        original: original.size,
        sent: Count::default(),
    };
    let sent = report.sent.clone();
    response.map(|body| Body::new(CountedBody::new(body, sent, Some(report))))
}

/// Counts an answer before it is compressed.
pub async fn original_size(request: Request, next: Next) -> Response {
    let original = request.extensions().get::<Original>().cloned().unwrap_or_default();
    let response: HttpResponse<Body> = next.run(request).await;
    let encoded = response.headers().contains_key(CONTENT_ENCODING);
    original.encoded.store(encoded, std::sync::atomic::Ordering::Relaxed);
    response.map(|body| Body::new(CountedBody::new(body, original.size, None::<Report>)))
}

/// Tells of a request when it is dropped, which is when its answer has ended in whatever way.
struct Report {
    traffic: Arc<Traffic>,
    weighed: Weighed,
    announced: u64,
    read: Count,
    original: Count,
    sent: Count,
}

impl Drop for Report {
    fn drop(&mut self) {
        // A body that nobody read came over the wire all the same.
        let request = if self.weighed.takes_a_body { self.read.get().max(self.announced) } else { 0 };
        self.traffic.record(&self.weighed, request, self.original.get(), self.sent.get());
    }
}
