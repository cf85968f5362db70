//! The gate that closes on a signal: new requests are refused, those in flight run to their end (feature 18).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::error::ApiError;

/// Whether requests are let in, and how many are inside; clones share it.
#[derive(Clone, Default)]
pub struct ShutdownGate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    closed: watch::Sender<bool>,
    in_flight: watch::Sender<usize>,
    chores: watch::Sender<usize>,
}

impl ShutdownGate {
    /// Lets no more requests in.
    pub fn close(&self) {
        self.0.closed.send_replace(true);
    }

    /// Whether the gate is closed.
    pub fn is_closed(&self) -> bool {
        *self.0.closed.borrow()
    }

    /// Waits until the gate is closed, for tasks that end with the service.
    pub async fn closed(&self) {
        // The sender lives as long as we do, so the wait can only end with what was waited for.
        let _ = self.0.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Requests inside.
    pub fn in_flight(&self) -> usize {
        *self.0.in_flight.borrow()
    }

    /// Waits until no request is inside, at most `limit`; says each second how many still are.
    pub async fn drained(&self, clock: &Clock, limit: Duration) -> bool {
        let deadline = clock.monotonic() + limit;
        loop {
            let left = deadline.saturating_sub(clock.monotonic());
            let pause = left.min(Duration::from_secs(1));
            let mut changes = self.0.in_flight.subscribe();
            let empty = changes.wait_for(|inside| *inside == 0);
            if clock.timeout("drain", pause, empty).await.is_ok() {
                return true;
            }
            let in_flight_requests = self.in_flight();
            if clock.monotonic() >= deadline {
                warn!(in_flight_requests, "Shutdown limit passed, requests are cut off");
                return false;
            }
            info!(in_flight_requests, "Waiting for requests in flight");
        }
    }

    /// Begins work that belongs to no request and should not be cut off in the middle; it lasts until it is dropped.
    pub fn chore(&self) -> Chore {
        self.0.chores.send_modify(|under_way| *under_way += 1);
        Chore(self.clone())
    }

    /// Waits until no such work is under way.
    pub async fn chores_done(&self) {
        // As above.
        let _ = self.0.chores.subscribe().wait_for(|under_way| *under_way == 0).await;
    }

    fn enter(&self) -> Inside {
        self.0.in_flight.send_modify(|inside| *inside += 1);
        Inside(self.clone())
    }
}

struct Inside(ShutdownGate);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.in_flight.send_modify(|inside| *inside -= 1);
    }
}

/// Work that belongs to no request.
pub struct Chore(ShutdownGate);

impl Drop for Chore {
    fn drop(&mut self) {
        self.0.0.chores.send_modify(|under_way| *under_way -= 1);
    }
}

/// Refuses what comes after the signal, counts what came before.
///
/// The test clock stays reachable, so that a suite can let the limit of the drain pass.
pub async fn layer(State(gate): State<ShutdownGate>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/test/clock") {
        return next.run(request).await;
    }
    // Counted before the look at the gate: a request is either refused or waited for.
    let _inside = gate.enter();
    if gate.is_closed() {
        let path = request.uri().path();
        let method = request.method().as_str();
        warn!(path, method, "Request rejected, service is shutting down");
        return ApiError::ShuttingDown.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn drain_ends_with_the_last_request() {
        let gate = ShutdownGate::default();
        let inside = gate.enter();
        let waiting = gate.clone();
        let clock = Clock::real();
        let drained = tokio::spawn(async move { waiting.drained(&clock, Duration::from_secs(60)).await });
        tokio::task::yield_now().await;
        assert_eq!(gate.in_flight(), 1);
        drop(inside);
        assert!(drained.await.unwrap());
    }

    #[tokio::test]
    async fn drain_gives_up_when_its_limit_passes() {
        let gate = ShutdownGate::default();
        let _inside = gate.enter();
        let clock = Clock::adjustable();
        let mover = clock.clone();
        tokio::spawn(async move {
            while mover.waiting().is_empty() {
                tokio::task::yield_now().await;
            }
            mover.advance(Duration::from_secs(60));
        });
        assert!(!gate.drained(&clock, Duration::from_secs(30)).await);
    }
}
