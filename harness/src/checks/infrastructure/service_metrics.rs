//! The metrics of a service by the names that the contract gives them (section 3.5), and what its histograms say.

use crate::check::{Case, Seen, Stop};
use crate::target::Service;

/// `api_gateway`, `auth_service`, …: what the names of a service's metrics begin with.
pub(super) fn prefix(service: Service) -> String {
    service.name().replace('-', "_")
}

/// A metric of a service, out of a scrape of it.
pub(super) fn family(scrape: &Seen, service: Service, metric: &str) -> Seen {
    scrape.at("/families").key(&format!("{}_{metric}", prefix(service)))
}

/// The first sample of a metric with these labels.
pub(super) fn series(
    scrape: &Seen,
    service: Service,
    metric: &str,
    sample: &str,
    wanted: &[(&str, &str)],
) -> Option<Seen> {
    let name = format!("{}_{sample}", prefix(service));
    let samples = family(scrape, service, metric).at("/samples").key(&name).items();
    samples.into_iter().find(|sample| {
        let labels = sample.at("/labels");
        wanted.iter().all(|(label, value)| labels.key(label).text() == Some(value))
    })
}

/// A service's histogram of `GET path`, as [`Case::histogram`] gives it.
pub(super) async fn durations(case: &mut Case, service: Service, path: &str) -> Result<Seen, Stop> {
    let name = format!("{}_request_duration_seconds", prefix(service));
    case.histogram(service, &name, &[("method", "GET"), ("path", path)]).await
}

/// The durations of requests to one path, in seconds, as a service's histogram has them.
#[derive(Debug, Clone, Default)]
pub(super) struct Durations {
    /// How many there were.
    pub count: f64,
    /// How long all of them took.
    pub sum: f64,
    /// Upper bounds of the buckets with the durations up to there, the lowest first; the last has no bound.
    pub buckets: Vec<(f64, f64)>,
}

impl Durations {
    /// Those of `GET path` at a service; none where there is no such series.
    pub async fn of(case: &mut Case, service: Service, path: &str) -> Result<Durations, Stop> {
        let seen = durations(case, service, path).await?;
        let all = seen.at("/buckets");
        let bucket = |bound: String| Some((bound.replace("+Inf", "inf").parse().ok()?, all.key(&bound).number()?));
        let mut buckets: Vec<(f64, f64)> = all.keys().into_iter().filter_map(bucket).collect();
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let number = |part: &str| seen.at(part).number().unwrap_or_default();
        Ok(Durations { count: number("/count"), sum: number("/sum"), buckets })
    }

    /// Those that came after an earlier look.
    pub fn since(&self, before: &Durations) -> Durations {
        let earlier = |bound: f64| before.buckets.iter().find(|one| one.0 == bound).map_or(0.0, |one| one.1);
        Durations {
            count: self.count - before.count,
            sum: self.sum - before.sum,
            buckets: self.buckets.iter().map(|&(bound, count)| (bound, count - earlier(bound))).collect(),
        }
    }

    /// The durations in all buckets that end below one bound, and in all that end at or above another.
    pub fn counts_outside(&self, low: f64, high: f64) -> (Vec<f64>, Vec<f64>) {
        let counts = |fits: &dyn Fn(f64) -> bool| {
            self.buckets.iter().filter(|(bound, _)| fits(*bound)).map(|(_, count)| *count).collect()
        };
        (counts(&|bound| bound < low), counts(&|bound| bound >= high))
    }

    /// The duration that this share of requests did not exceed, read as Prometheus reads it: the place within its
    /// bucket is taken to be even.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share * self.count;
        let at = self.buckets.iter().position(|(_, count)| *count >= rank && *count > 0.0)?;
        let (low, before) = if at == 0 { (0.0, 0.0) } else { self.buckets[at - 1] };
        let (high, count) = self.buckets[at];
        let inside = if count > before { (rank - before) / (count - before) } else { 1.0 };
        Some(if high.is_finite() { low + (high - low) * inside } else { low })
    }

    /// The bounds of the bucket that this duration falls into.
    pub fn bucket_of(&self, seconds: f64) -> (f64, f64) {
        let low = self.buckets.iter().rfind(|(bound, _)| *bound < seconds).map_or(0.0, |(bound, _)| *bound);
        let high = self.buckets.iter().find(|(bound, _)| *bound >= seconds).map_or(f64::INFINITY, |(bound, _)| *bound);
        (low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durations() -> Durations {
        let buckets = vec![(0.1, 60.0), (0.5, 94.0), (1.0, 98.0), (f64::INFINITY, 100.0)];
        Durations { count: 100.0, sum: 20.0, buckets }
    }

    #[test]
    fn a_quantile_lies_in_its_bucket() {
        assert_eq!(durations().quantile(0.3), Some(0.05));
        assert_eq!(durations().quantile(0.96), Some(0.75));
        assert_eq!(durations().quantile(0.99), Some(1.0), "of the last bucket only the lower bound is known");
        assert_eq!(Durations::default().quantile(0.5), None);
        assert_eq!(durations().bucket_of(0.5), (0.1, 0.5));
        assert_eq!(durations().bucket_of(3.0), (1.0, f64::INFINITY));
    }

    #[test]
    fn what_was_there_before_does_not_count() {
        let since = durations().since(&durations());
        assert_eq!((since.count, since.sum), (0.0, 0.0));
        assert_eq!(since.counts_outside(0.5, 1.0), (vec![0.0], vec![0.0, 0.0]));
        assert_eq!(durations().counts_outside(0.5, 0.7), (vec![60.0], vec![98.0, 100.0]));
    }
}
