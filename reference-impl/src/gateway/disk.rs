//! Watches how full the object store and the local disk are: a sample every few minutes, and an alert before either is
//! full (feature 45).

pub mod level;
pub mod local;
pub mod stored;

use std::sync::Arc;

use crate::clock::Clock;
use crate::config;
use crate::object_store::ObjectStore;
use crate::startup::Context;
use crate::telemetry::metrics::{Counter, Gauge, Metrics};
use crate::telemetry::units::rounded;

use level::Level;
use local::LocalDisk;
use stored::{Kept, Stored};

/// What the clock shows while the watch waits for its next sample.
const WAITING_FOR: &str = "disk sample";

/// Bytes of a gigabyte, as all reports count it.
const BYTES_PER_GB: f64 = 1024.0 * 1024.0 * 1024.0;

/// How full the disks are, and what limits they have.
#[derive(Clone)]
pub struct Disk(Arc<Inner>);

struct Inner {
    store: ObjectStore,
    buckets: config::Buckets,
    settings: config::Disk,
    gauges: Gauges,
    alerts: Counter,
}

struct Gauges {
    used: Gauge,
    percent: Gauge,
    total: Gauge,
    available: Gauge,
}

/// How much of something is used.
#[derive(Debug, Clone, Copy)]
pub struct Filled {
    /// What it can hold.
    pub total: u64,
    /// What it holds.
    pub used: u64,
    /// What it can still take in.
    pub free: u64,
}

impl Filled {
    /// The share that is used.
    pub fn percent(&self) -> f64 {
        // In this order, so that what is exactly at a limit is not just below it.
        self.used as f64 * 100.0 / self.total as f64
    }
}

impl Disk {
    /// Goes on watching until the gate closes.
    pub fn watch(context: &Context, store: ObjectStore) -> Disk {
        let disk = Disk(Arc::new(Inner {
            store,
            buckets: context.settings.object_store.buckets.clone(),
            settings: context.settings.disk.clone(),
            gauges: Gauges::register(&context.metrics),
            alerts: context.metrics.counter(
                "api_gateway_disk_alert_triggered_total",
                "Samples that reached a limit.",
                &["storage_type", "location", "threshold_type"],
            ),
        }));
        let watching = disk.clone();
        let (clock, gate) = (context.clock.clone(), context.gate.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = watching.sample_for_ever(&clock) => {}
                () = gate.closed() => tracing::info!("Disk monitoring stopped"),
            }
        });
        disk
    }

    async fn sample_for_ever(&self, clock: &Clock) {
        loop {
            // A sample that fails says so; the next one may succeed.
            match self.local().await {
                Ok(local) => self.record("local", "root", local),
                Err(error) => tracing::error!(storage_type = "local", error = %error, "Disk usage check failed"),
            }
            match self.stored().await {
                Ok(stored) => self.record_stored(&stored),
                Err(error) => tracing::error!(storage_type = "minio", error = %error, "Disk usage check failed"),
            }
            clock.sleep(WAITING_FOR, self.0.settings.sample_every).await;
        }
    }

    /// The local disk now.
    pub async fn local(&self) -> Result<Filled, std::io::Error> {
        LocalDisk::root().await
    }

    /// The object store now.
    pub async fn stored(&self) -> Result<Stored, crate::object_store::StoreError> {
        stored::measure(&self.0.store).await
    }

    /// The buckets that the services use, whether they are there or not.
    pub fn buckets(&self) -> &config::Buckets {
        &self.0.buckets
    }

    /// The limits.
    pub fn settings(&self) -> &config::Disk {
        &self.0.settings
    }

    /// The store that is watched.
    pub fn store(&self) -> &ObjectStore {
        &self.0.store
    }

    /// How full the object store is, where its capacity is known.
    pub fn filled(&self, stored: &Stored) -> Option<Filled> {
        let total = self.0.settings.capacity?;
        let used = stored.total();
        Some(Filled { total, used, free: total.saturating_sub(used) })
    }

    /// How much that is, against the limits.
    pub fn level(&self, filled: Filled) -> Level {
        level::of(&self.0.settings, filled.percent())
    }

    fn record_stored(&self, stored: &Stored) {
        for Kept { bucket, bytes } in &stored.buckets {
            self.0.gauges.used.set(&["minio", bucket], *bytes as f64);
        }
        match self.filled(stored) {
            Some(filled) => self.record("minio", "total", filled),
            None => tracing::debug!(storage_type = "minio", used_gb = gigabytes(stored.total()), "Disk usage check"),
        }
    }

    fn record(&self, storage_type: &'static str, location: &'static str, filled: Filled) {
        let labels = [storage_type, location];
        let gauges = &self.0.gauges;
        gauges.used.set(&labels, filled.used as f64);
        gauges.percent.set(&labels, filled.percent());
        gauges.total.set(&labels, filled.total as f64);
        gauges.available.set(&labels, filled.free as f64);
        let level = self.level(filled);
        if let Some(word) = level.word() {
            self.0.alerts.increment(&[storage_type, location, word]);
        }
        log(storage_type, location, filled, level);
    }
}

fn log(storage_type: &str, location: &str, filled: Filled, level: Level) {
    let used_percent = rounded(filled.percent());
    let (used_gb, total_gb, available_gb) = (gigabytes(filled.used), gigabytes(filled.total), gigabytes(filled.free));
    match level {
        Level::Fine => {
            tracing::debug!(storage_type, location, used_percent, used_gb, total_gb, available_gb, "Disk usage check");
        }
        Level::Warning { threshold_percent } => tracing::warn!(
            storage_type,
            location,
            used_percent,
            used_gb,
            total_gb,
            available_gb,
            threshold_percent,
            alert_triggered = true,
            "High disk usage detected"
        ),
        Level::Critical { threshold_percent } => tracing::error!(
            storage_type,
            location,
            used_percent,
            used_gb,
            total_gb,
            available_gb,
            threshold_percent,
            alert_triggered = true,
            "Critical disk usage detected"
        ),
    }
}

impl Gauges {
    fn register(metrics: &Metrics) -> Gauges {
        let gauge = |what: &str, help| {
            let labels: &[&str] = &["storage_type", "location"];
            metrics.gauge(&format!("api_gateway_disk_{what}"), help, labels)
        };
        Gauges {
            used: gauge("usage_bytes", "Bytes used at the last sample."),
            percent: gauge("usage_percent", "Share used at the last sample."),
            total: gauge("total_bytes", "Bytes that there is room for in all."),
            available: gauge("available_bytes", "Bytes that there was still room for at the last sample."),
        }
    }
}

/// Bytes as gigabytes, to two decimals.
pub fn gigabytes(bytes: u64) -> f64 {
    rounded(bytes as f64 / BYTES_PER_GB)
}
