//! Watches the CPU use of the gateway: a baseline at the start, a sample each minute, and what is above the limits
//! (feature 43).
//!
//! CPU use is what was used between two moments, so nothing here blocks to measure it.

pub mod primes;
pub mod usage;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::level::Level;
use crate::clock::Clock;
use crate::config;
use crate::startup::Context;
use crate::telemetry::metrics::{Gauge, Metrics};
use crate::telemetry::units::rounded;

use usage::{LoadAverage, Reading};

/// What the clock shows while the watch waits for its next sample.
const WAITING_FOR: &str = "cpu sample";

/// How long the gateway is looked at for its baseline. Real time: CPU is used in real time only.
const BASELINE_OVER: Duration = Duration::from_secs(1);

/// The CPU use of this process as it was at the start, what limits it has, and how much hard work it takes on.
#[derive(Clone)]
pub struct Cpu(Arc<Inner>);

struct Inner {
    settings: config::Cpu,
    started: Reading,
    baseline: OnceLock<f64>,
    last: Mutex<Reading>,
    gauges: Gauges,
    hard_work: Arc<Semaphore>,
}

struct Gauges {
    percent: Gauge,
    load_1m: Gauge,
    load_5m: Gauge,
    load_15m: Gauge,
}

impl Cpu {
    /// Takes the baseline and goes on watching until the gate closes.
    pub fn watch(context: &Context) -> Cpu {
        let settings = context.settings.cpu.clone();
        let started = Reading::now();
        let cpu = Cpu(Arc::new(Inner {
            hard_work: Arc::new(Semaphore::new(settings.hard_work_at_once)),
            settings,
            started,
            baseline: OnceLock::new(),
            last: Mutex::new(started),
            gauges: Gauges::register(&context.metrics),
        }));
        let (watching, measuring) = (cpu.clone(), cpu.clone());
        let (clock, gate) = (context.clock.clone(), context.gate.clone());
        tokio::spawn(async move { measuring.take_baseline().await });
        tokio::spawn(async move {
            tokio::select! {
                () = watching.sample_for_ever(&clock) => {}
                () = gate.closed() => tracing::info!("CPU monitoring stopped"),
            }
        });
        cpu
    }

    async fn take_baseline(&self) {
        tokio::time::sleep(BASELINE_OVER).await;
        let percent = Reading::now().percent_since(self.0.started);
        let baseline = *self.0.baseline.get_or_init(|| percent);
        tracing::info!(cpu_percent = rounded(baseline), "CPU baseline recorded");
    }

    async fn sample_for_ever(&self, clock: &Clock) {
        loop {
            self.record(self.percent_since_last());
            clock.sleep(WAITING_FOR, self.0.settings.sample_every).await;
        }
    }

    fn record(&self, percent: f64) {
        let gauges = &self.0.gauges;
        gauges.percent.set(&[], percent);
        if let Some(load) = LoadAverage::now() {
            gauges.load_1m.set(&[], load.one);
            gauges.load_5m.set(&[], load.five);
            gauges.load_15m.set(&[], load.fifteen);
        }
        self.log(percent);
    }

    fn log(&self, percent: f64) {
        let current_cpu_percent = rounded(percent);
        let baseline_cpu_percent = rounded(self.baseline_percent());
        let cpu_growth_percent = rounded(current_cpu_percent - baseline_cpu_percent);
        let config::Cpu { warning_percent, critical_percent, .. } = self.0.settings;
        match Level::of(current_cpu_percent, warning_percent, critical_percent) {
            Level::Fine => {
                tracing::debug!(current_cpu_percent, baseline_cpu_percent, cpu_growth_percent, "CPU usage check")
            }
            Level::Warning { threshold } => tracing::warn!(
                current_cpu_percent,
                baseline_cpu_percent,
                cpu_growth_percent,
                threshold_percent = threshold,
                performance_warning = true,
                "High CPU usage detected"
            ),
            Level::Critical { threshold } => tracing::error!(
                current_cpu_percent,
                baseline_cpu_percent,
                cpu_growth_percent,
                threshold_percent = threshold,
                performance_bottleneck = true,
                "Critical CPU usage detected"
            ),
        }
    }

    /// CPU use at rest: over the first second, or over what there has been of it.
    pub fn baseline_percent(&self) -> f64 {
        match self.0.baseline.get() {
            Some(percent) => *percent,
            None => Reading::now().percent_since(self.0.started),
        }
    }

    /// CPU use since the last sample.
    fn percent_since_last(&self) -> f64 {
        let now = Reading::now();
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        let percent = now.percent_since(*last);
        *last = now;
        percent
    }

    /// The limits.
    pub fn limits(&self) -> &config::Cpu {
        &self.0.settings
    }

    /// A permit for each piece of hard work that is taken on at a time; who gets none is to come back later.
    pub fn hard_work(&self) -> &Arc<Semaphore> {
        &self.0.hard_work
    }
}

impl Gauges {
    fn register(metrics: &Metrics) -> Gauges {
        let load = |minutes: &str| {
            let help = format!("Load of the machine over {minutes} minutes at the last sample.");
            metrics.gauge(&format!("api_gateway_cpu_load_average_{minutes}m"), &help, &[])
        };
        Gauges {
            percent: metrics.gauge(
                "api_gateway_cpu_usage_percent",
                "CPU use of the gateway at the last sample, 100 for each core.",
                &[],
            ),
            load_1m: load("1"),
            load_5m: load("5"),
            load_15m: load("15"),
        }
    }
}
