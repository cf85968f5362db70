//! Diagrams and their versions.

mod announce;
mod cache;
mod caller;
pub mod diagram;
mod routes;
mod search;
mod storage;

use axum::Router;

use crate::object_store::{ObjectStore, housekeeping};
use crate::postgres::{self, Database};
use crate::redis::{self, Pool};
use crate::startup::{Context, StartupError};
use crate::telemetry::metrics::{Counter, Metrics};
use cache::Cache;

/// What the routes of this service stand on.
#[derive(Clone)]
struct Diagrams {
    db: Database,
    redis: Pool,
    cache: Cache,
    counts: Counts,
}

/// The metrics of this service alone.
#[derive(Clone)]
struct Counts {
    created: Counter,
    updated: Counter,
    deleted: Counter,
}

/// All routes of the service.
pub async fn router(context: &Context) -> Result<Router, StartupError> {
    let store = ObjectStore::new(&context.settings.object_store.main)
        .map_err(|error| StartupError::Part { part: "the way to the object store", source: error.into() })?;
    housekeeping::begin(context, store);
    let redis = Pool::new(&context.settings, redis::CACHE);
    let diagrams = Diagrams {
        db: postgres::pool(context),
        cache: Cache::new(&context.settings.cache, redis.clone()),
        redis,
        counts: Counts::register(&context.metrics),
    };
    let router = routes::router().with_state(diagrams);
    Ok(router.merge(postgres::query_stats::router(context)))
}

impl Counts {
    fn register(metrics: &Metrics) -> Counts {
        // Nothing goes to the object store yet; the two are announced for those who build on them.
        let operation: &[&str] = &["operation"];
        metrics.counter("diagram_service_storage_operations_total", "Operations on the object store.", operation);
        metrics.histogram(
            "diagram_service_storage_operation_duration_seconds",
            "Time an operation on the object store took.",
            operation,
        );
        let counter = |what: &str, help| metrics.counter(&format!("diagram_service_diagrams_{what}_total"), help, &[]);
        Counts {
            created: counter("created", "Diagrams created."),
            updated: counter("updated", "Diagrams updated."),
            deleted: counter("deleted", "Diagrams deleted."),
        }
    }
}
