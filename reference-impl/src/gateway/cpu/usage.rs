//! How much CPU time this process has used, and how busy the machine is.

use std::time::{Duration, Instant};

use sysinfo::{CpuRefreshKind, RefreshKind, System};

use crate::telemetry::cpu_time;

/// CPU time used until a moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    at: Instant,
    used: Duration,
}

impl Reading {
    /// This moment.
    pub fn now() -> Reading {
        Reading { at: Instant::now(), used: cpu_time::of_process() }
    }

    /// CPU use since an earlier moment; 100 is one core all the time.
    pub fn percent_since(self, earlier: Reading) -> f64 {
        let passed = self.at.saturating_duration_since(earlier.at).as_secs_f64();
        let used = self.used.saturating_sub(earlier.used).as_secs_f64();
        if passed > 0.0 { used / passed * 100.0 } else { 0.0 }
    }
}

/// How many wanted to run at a time, on average over the last minutes.
#[derive(Debug, Clone, Copy)]
pub struct LoadAverage {
    /// Over one minute.
    pub one: f64,
    /// Over five.
    pub five: f64,
    /// Over fifteen.
    pub fifteen: f64,
}

impl LoadAverage {
    /// As the machine tells it now, if it does.
    pub fn now() -> Option<LoadAverage> {
        let load = System::load_average().ok()?;
        Some(LoadAverage { one: load.one, five: load.five, fifteen: load.fifteen })
    }
}

/// The CPUs of the machine, watched from one moment to another.
pub struct Machine(System);

impl Machine {
    /// Begins to watch; `None` where the machine does not tell.
    pub fn watch() -> Option<Machine> {
        let usage = CpuRefreshKind::nothing().with_usage();
        System::new_with_specifics(RefreshKind::nothing().with_cpu(usage)).ok().map(Machine)
    }

    /// How busy all of them were since then, 100 for all.
    pub fn percent(&mut self) -> f64 {
        self.0.refresh_cpu_usage();
        f64::from(self.0.global_cpu_usage())
    }

    /// How many run at a time.
    pub fn logical(&self) -> usize {
        self.0.cpus().len()
    }

    /// How many there are to touch, if the machine tells.
    pub fn physical() -> Option<usize> {
        System::physical_core_count().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_shows_and_rest_does_not() {
        let before = Reading::now();
        while cpu_time::of_process() < before.used + Duration::from_millis(20) {
            std::hint::black_box(super::super::primes::by_trial(2_000));
        }
        let busy = Reading::now();
        assert!(busy.percent_since(before) > 1.0);
        assert_eq!(before.percent_since(busy), 0.0);
    }
}
