//! Watches the memory of the gateway: a baseline at the start, a sample each minute, and what is above the limits (feature 42).

pub mod ballast;
pub mod usage;

use std::sync::Arc;
use std::time::Duration;

use super::level::Level;
use crate::clock::Clock;
use crate::config;
use crate::startup::Context;
use crate::telemetry::metrics::{Gauge, Metrics};
use crate::telemetry::units::{BYTES_PER_MB, megabytes, rounded};

use ballast::Ballast;
use usage::{Unreadable, Usage};

/// What the clock shows while the watch waits for its next sample.
const WAITING_FOR: &str = "memory sample";

/// The memory of this process as it was at the start, what limits it has, and what is held on purpose.
#[derive(Clone)]
pub struct Memory(Arc<Inner>);

struct Inner {
    baseline: Option<Usage>,
    settings: config::Memory,
    gauges: Gauges,
    ballast: Ballast,
}

struct Gauges {
    bytes: Gauge,
    percent: Gauge,
    available: Gauge,
}

impl Memory {
    /// Takes the baseline and goes on watching until the gate closes.
    pub fn watch(context: &Context) -> Memory {
        let baseline = Usage::now().inspect_err(log_unreadable).ok();
        if let Some(usage) = baseline {
            tracing::info!(
                memory_mb = megabytes(usage.resident),
                memory_bytes = usage.resident,
                "Memory baseline recorded"
            );
        }
        let memory = Memory(Arc::new(Inner {
            baseline,
            settings: context.settings.memory.clone(),
            gauges: Gauges::register(&context.metrics),
            ballast: Ballast::default(),
        }));
        let watching = memory.clone();
        let (clock, gate) = (context.clock.clone(), context.gate.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = watching.sample_for_ever(&clock) => {}
                () = gate.closed() => tracing::info!("Memory monitoring stopped"),
            }
        });
        memory
    }

    async fn sample_for_ever(&self, clock: &Clock) {
        let every: Duration = self.0.settings.sample_every;
        loop {
            // A sample that fails says so; the next one may succeed.
            match Usage::now() {
                Ok(usage) => self.record(usage),
                Err(error) => log_unreadable(&error),
            }
            clock.sleep(WAITING_FOR, every).await;
        }
    }

    fn record(&self, usage: Usage) {
        let gauges = &self.0.gauges;
        gauges.bytes.set(&[], usage.resident as f64);
        gauges.percent.set(&[], usage.percent());
        gauges.available.set(&[], usage.system_available as f64);
        self.log(usage);
    }

    fn log(&self, usage: Usage) {
        let current_memory_mb = megabytes(usage.resident);
        let baseline_memory_mb = self.baseline_mb();
        let memory_growth_mb = self.growth_mb(usage);
        let memory_growth_percent = self.growth_percent(usage);
        let memory_percent = rounded(usage.percent());
        let config::Memory { warning_mb, critical_mb, .. } = self.0.settings;
        match Level::of(current_memory_mb, warning_mb, critical_mb) {
            Level::Fine => tracing::debug!(
                current_memory_mb,
                baseline_memory_mb,
                memory_growth_mb,
                memory_growth_percent,
                memory_percent,
                "Memory usage check"
            ),
            Level::Warning { threshold } => tracing::warn!(
                current_memory_mb,
                baseline_memory_mb,
                memory_growth_mb,
                memory_growth_percent,
                memory_percent,
                threshold_mb = threshold,
                "High memory usage detected"
            ),
            Level::Critical { threshold } => tracing::error!(
                current_memory_mb,
                baseline_memory_mb,
                memory_growth_mb,
                memory_growth_percent,
                memory_percent,
                threshold_mb = threshold,
                "Critical memory usage detected"
            ),
        }
    }

    /// The baseline, once there is one.
    pub fn baseline_mb(&self) -> Option<f64> {
        self.0.baseline.map(|usage| megabytes(usage.resident))
    }

    /// How much more it is than at the start; less is negative.
    pub fn growth_mb(&self, usage: Usage) -> Option<f64> {
        let baseline = self.0.baseline?;
        Some(rounded((usage.resident as f64 - baseline.resident as f64) / BYTES_PER_MB))
    }

    fn growth_percent(&self, usage: Usage) -> Option<f64> {
        let baseline = self.0.baseline?.resident as f64;
        (baseline > 0.0).then(|| rounded((usage.resident as f64 - baseline) / baseline * 100.0))
    }

    /// The limits.
    pub fn limits(&self) -> &config::Memory {
        &self.0.settings
    }

    /// What is held on purpose.
    pub fn ballast(&self) -> &Ballast {
        &self.0.ballast
    }
}

impl Gauges {
    fn register(metrics: &Metrics) -> Gauges {
        Gauges {
            bytes: metrics.gauge(
                "api_gateway_memory_usage_bytes",
                "Resident memory of the gateway at the last sample.",
                &[],
            ),
            percent: metrics.gauge(
                "api_gateway_memory_usage_percent",
                "Share of the machine's memory that the gateway had at the last sample.",
                &[],
            ),
            available: metrics.gauge(
                "api_gateway_memory_available_bytes",
                "Memory of the machine that was available at the last sample.",
                &[],
            ),
        }
    }
}

fn log_unreadable(error: &Unreadable) {
    let error_message = error.to_string();
    let stack_trace = format!("{}\n{}: {error_message}", std::backtrace::Backtrace::force_capture(), error.kind());
    tracing::error!(error_type = error.kind(), error_message, stack_trace, "Memory usage check failed");
}
