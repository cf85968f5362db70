//! Counters, gauges and histograms of a service, as text in [`super::prometheus_text`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Upper bounds of the buckets of each histogram, in seconds; infinity follows by itself.
pub const BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Label sets a metric may have. Paths come from callers, who could otherwise fill the memory.
const MOST_SERIES: usize = 5000;

/// What stands in each label of the set that takes the rest.
const OVERFLOW: &str = "other";

/// All metrics of a service; clones share them.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<Registry>>);

#[derive(Default)]
struct Registry {
    families: Vec<Arc<Family>>,
    before_scrape: Vec<Arc<dyn Fn() + Send + Sync>>,
}

/// A number that only grows.
#[derive(Clone)]
pub struct Counter(Arc<Family>);

/// A number that goes up and down.
#[derive(Clone)]
pub struct Gauge(Arc<Family>);

/// How often durations fell into which bucket.
#[derive(Clone)]
pub struct Histogram(Arc<Family>);

/// One metric with all its label sets.
pub(super) struct Family {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) kind: Kind,
    pub(super) labels: &'static [&'static str],
    series: Mutex<BTreeMap<Vec<String>, Series>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The numbers of one label set. A histogram uses all, the others `value` alone.
#[derive(Clone, Default)]
pub(super) struct Series {
    pub(super) value: f64,
    pub(super) count: u64,
    pub(super) buckets: [u64; BUCKETS.len()],
    pub(super) created: f64,
}

impl Metrics {
    /// A counter; the same name gives the same counter.
    pub fn counter(&self, name: &str, help: &str, labels: &'static [&'static str]) -> Counter {
        Counter(self.family(name, help, Kind::Counter, labels))
    }

    /// A gauge; the same name gives the same gauge.
    pub fn gauge(&self, name: &str, help: &str, labels: &'static [&'static str]) -> Gauge {
        Gauge(self.family(name, help, Kind::Gauge, labels))
    }

    /// A histogram over [`BUCKETS`]; the same name gives the same histogram.
    pub fn histogram(&self, name: &str, help: &str, labels: &'static [&'static str]) -> Histogram {
        Histogram(self.family(name, help, Kind::Histogram, labels))
    }

    /// Has `refresh` run before each scrape, for gauges that are looked up rather than kept.
    pub fn before_scrape(&self, refresh: impl Fn() + Send + Sync + 'static) {
        self.lock().before_scrape.push(Arc::new(refresh));
    }

    /// All metrics in the text format of Prometheus.
    pub fn render(&self) -> String {
        let refreshers = self.lock().before_scrape.clone();
        refreshers.iter().for_each(|refresh| refresh());
        let families = self.lock().families.clone();
        super::prometheus_text::render(&families)
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn family(&self, name: &str, help: &str, kind: Kind, labels: &'static [&'static str]) -> Arc<Family> {
        let mut registry = self.lock();
        if let Some(known) = registry.families.iter().find(|family| family.name == name) {
            return Arc::clone(known);
        }
        let family =
            Arc::new(Family { name: name.to_owned(), help: help.to_owned(), kind, labels, series: Mutex::default() });
        if labels.is_empty() {
            family.change(&[], |_| {});
        }
        registry.families.push(Arc::clone(&family));
        family
    }
}

impl Counter {
    /// Adds one.
    pub fn increment(&self, labels: &[&str]) {
        self.add(labels, 1.0);
    }

    /// Adds more than one, or a fraction.
    pub fn add(&self, labels: &[&str], more: f64) {
        self.0.change(labels, |series| series.value += more);
    }

    /// Every label set with its value.
    pub fn all(&self) -> Vec<(Vec<String>, f64)> {
        self.0.snapshot().into_iter().map(|(labels, series)| (labels, series.value)).collect()
    }
}

impl Gauge {
    /// Sets the value.
    pub fn set(&self, labels: &[&str], value: f64) {
        self.0.change(labels, |series| series.value = value);
    }

    /// Adds to the value, or takes away from it.
    pub fn add(&self, labels: &[&str], by: f64) {
        self.0.change(labels, |series| series.value += by);
    }
}

impl Histogram {
    /// Takes a duration in.
    pub fn observe(&self, labels: &[&str], duration: Duration) {
        let seconds = duration.as_secs_f64();
        self.0.change(labels, |series| {
            series.value += seconds;
            series.count += 1;
            if let Some(bucket) = BUCKETS.iter().position(|bound| seconds <= *bound) {
                series.buckets[bucket] += 1;
            }
        });
    }
}

impl Family {
    fn change(&self, labels: &[&str], change: impl FnOnce(&mut Series)) {
        debug_assert_eq!(labels.len(), self.labels.len(), "labels of {}", self.name);
        let mut key: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if series.len() >= MOST_SERIES && !series.contains_key(&key) {
            key.fill(OVERFLOW.to_owned());
        }
        change(series.entry(key).or_insert_with(Series::now));
    }

    /// A copy of the numbers, so that nothing waits while they are written out.
    pub(super) fn snapshot(&self) -> BTreeMap<Vec<String>, Series> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Series {
    fn now() -> Series {
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        Series { created, ..Series::default() }
    }
}
