//! The metrics probe: a scrape, read with the rules of the Prometheus text format.

pub mod exposition;

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::probe::http::{Spec, exchange};
use crate::target::{Need, Service};
use exposition::{Sample, Scrape};
use serde_json::{Map, Value, json};
use std::sync::Arc;

impl Case {
    /// Scrapes a service: `/status`, `/content_type`, `/faults` (offences against the format), and `/families` by
    /// name, each with `type` and `samples`, by their own names lists of `labels` and `value`.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the service's address is not known.
    pub async fn scrape(&mut self, service: Service) -> Result<Seen, Stop> {
        self.needs(Need::Address(service))?;
        self.observe("metrics", spec(service).asked(), async |live: Arc<Live>| {
            let (answer, scrape) = scrape(&live, service).await?;
            let mut seen = json!({
                "status": answer["status"],
                "silence": answer["silence"],
                "content_type": answer["headers"]["content-type"],
            });
            if let Some(scrape) = scrape {
                seen["faults"] = json!(scrape.faults);
                seen["families"] = scrape.to_json();
            }
            Ok(seen)
        })
        .await
    }

    /// Scrapes a service for one number: the sum of the samples of this name that have these labels, among others;
    /// `null` where there is none.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the service's address is not known.
    pub async fn sample(&mut self, service: Service, name: &str, labels: &[(&str, &str)]) -> Result<Seen, Stop> {
        self.needs(Need::Address(service))?;
        let labels = pairs(labels);
        let asked = json!({"service": service.name(), "sample": name, "labels": labels});
        let name = name.to_owned();
        self.observe("metrics", asked, async |live: Arc<Live>| {
            let (_, scrape) = scrape(&live, service).await?;
            let scrape = scrape.unwrap_or_default();
            let all = scrape.families.values().flat_map(|family| &family.samples);
            let meant = all.filter(|sample| sample.name == name && has(sample, &labels));
            let sum = meant.map(|sample| sample.value).reduce(|sum, value| sum + value);
            Ok(json!({"value": sum}))
        })
        .await
        .map(|seen| seen.at("/value"))
    }

    /// One series of a service's histogram, out of a scrape: `/count`, `/sum`, and `/buckets`, by their upper
    /// bounds the counts up to there. `null` where there is no such series.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the service's address is not known.
    pub async fn histogram(&mut self, service: Service, name: &str, labels: &[(&str, &str)]) -> Result<Seen, Stop> {
        self.needs(Need::Address(service))?;
        let labels = pairs(labels);
        let asked = json!({"histogram of": service.name(), "name": name, "labels": labels});
        let name = name.to_owned();
        self.observe("metrics", asked, async |live: Arc<Live>| {
            let (_, scrape) = scrape(&live, service).await?;
            Ok(scrape.map_or(Value::Null, |scrape| series(&scrape, &name, &labels)))
        })
        .await
    }
}

/// More of a scrape is not read.
const LONGEST: usize = 2 << 20;
/// A fault is told in no more letters.
const LONGEST_FAULT: usize = 300;

fn spec(service: Service) -> Spec {
    let mut headers = Map::new();
    headers.insert("accept".into(), json!("text/plain;version=0.0.4"));
    Spec { headers, longest_text: LONGEST, ..Spec::get(service, "/metrics") }
}

/// The answer, and what it says where it is a text. Of one that is longer than what is read nobody knows what the rest
/// says, and to take what is missing for a zero would be a verdict on ourselves.
async fn scrape(live: &Live, service: Service) -> Result<(Value, Option<Scrape>), CannotLook> {
    let answer = exchange(live, &spec(service)).await?;
    let mut scrape = answer["body"].as_str().map(exposition::read);
    if !answer["cut"].is_null() || scrape.as_ref().is_some_and(|scrape| scrape.more) {
        let (lines, limit) = (exposition::MOST_LINES, LONGEST >> 20);
        let reason = format!("{service} has more than {limit} MB or {lines} lines of metrics, and no more is read");
        return Err(CannotLook::new("metrics", reason));
    }
    let faults = scrape.iter_mut().flat_map(|scrape| &mut scrape.faults);
    for fault in faults.filter(|fault| fault.len() > LONGEST_FAULT) {
        *fault = live.vault.beginning(fault, LONGEST_FAULT) + "…";
    }
    Ok((answer, scrape))
}

fn pairs(labels: &[(&str, &str)]) -> Map<String, Value> {
    labels.iter().map(|&(label, value)| (label.to_owned(), json!(value))).collect()
}

/// Whether the sample has these labels, among others.
fn has(sample: &Sample, labels: &Map<String, Value>) -> bool {
    labels.iter().all(|(label, value)| sample.labels.get(label).map(String::as_str) == value.as_str())
}

fn series(scrape: &Scrape, name: &str, labels: &Map<String, Value>) -> Value {
    let samples = scrape.families.get(name).map_or(&[][..], |family| &family.samples);
    let of = |part: &str| {
        let name = format!("{name}_{part}");
        let meant = samples.iter().filter(move |sample| sample.name == name);
        meant.filter(|sample| has(sample, labels))
    };
    let Some(count) = of("count").next() else { return Value::Null };
    let bucket = |one: &Sample| Some((one.labels.get("le")?.clone(), json!(one.value)));
    let buckets: Map<String, Value> = of("bucket").filter_map(bucket).collect();
    json!({"count": count.value, "sum": of("sum").next().map(|one| one.value), "buckets": buckets})
}

/// Sum of the samples of this name in a family, as [`Case::scrape`] gives it; `None` where there is none.
pub fn total(family: &Seen, sample: &str) -> Option<f64> {
    let samples = family.at("/samples").key(sample).items();
    let values = samples.iter().filter_map(|one| one.at("/value").number());
    values.reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_series_of_a_histogram_is_picked_out() {
        let text = "# TYPE d histogram\nd_bucket{path=\"/a\",le=\"1\"} 1\nd_bucket{path=\"/a\",le=\"+Inf\"} 2\n\
            d_sum{path=\"/a\"} 3.5\nd_count{path=\"/a\"} 2\nd_bucket{path=\"/b\",le=\"+Inf\"} 9\nd_count{path=\"/b\"} 9\n";
        let scrape = exposition::read(text);
        let labels = |path: &str| Map::from_iter([("path".to_owned(), json!(path))]);
        let buckets = json!({"1": 1.0, "+Inf": 2.0});
        let wanted = json!({"count": 2.0, "sum": 3.5, "buckets": buckets});
        assert_eq!(series(&scrape, "d", &labels("/a")), wanted);
        assert_eq!(series(&scrape, "d", &labels("/c")), Value::Null);
    }
}
