//! Sends each ERROR line to a Sentry server, with its trace and what was being done (feature 39).
//!
//! An event is made of the line itself, so the log and the tracker tell the same story, and whoever logs an error
//! need not think of the tracker.

mod event;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use sentry::{Client, ClientOptions};
use serde_json::{Map, Value};

use crate::config::ErrorTracking;
use transport::Queue;

/// The way to the error tracker; clones share it. Without an address it does nothing.
#[derive(Clone, Default)]
pub struct ErrorTracker(Option<Arc<Client>>);

impl ErrorTracker {
    /// A way to the tracker that the settings name.
    pub fn new(settings: &ErrorTracking) -> ErrorTracker {
        let Some(dsn) = &settings.dsn else {
            return ErrorTracker::default();
        };
        let mut options = ClientOptions::new()
            .release(settings.release.clone())
            .environment(settings.environment.clone())
            .transport(Arc::new(Queue::to(dsn)));
        options.dsn = Some(dsn.clone());
        ErrorTracker(Some(Arc::new(Client::with_options(options))))
    }

    /// Has an ERROR line sent. It returns at once; what cannot be sent is forgotten.
    pub fn capture(&self, line: &Map<String, Value>) {
        if let Some(client) = &self.0 {
            client.capture_event(event::of(line), None);
        }
    }

    /// Waits until everything captured so far is sent, at most `limit`.
    pub async fn flush(&self, limit: Duration) {
        if let Some(client) = self.0.clone() {
            // The client waits as threads do.
            let _ = tokio::task::spawn_blocking(move || client.flush(Some(limit))).await;
        }
    }
}
