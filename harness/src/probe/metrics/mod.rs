//! The metrics probe: a scrape, read with the rules of the Prometheus text format.

pub mod exposition;

use crate::check::{Case, Live, Seen, Stop};
use crate::probe::http::{LONGEST_BODY, Spec, exchange};
use crate::target::{Need, Service};
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
        let spec = spec(service);
        self.observe("metrics", spec.asked(), async |live: Arc<Live>| {
            let answer = exchange(&live, &spec).await?;
            let mut seen = json!({
                "status": answer["status"],
                "silence": answer["silence"],
                "content_type": answer["headers"]["content-type"],
            });
            if let Some(text) = answer["body"].as_str() {
                let mut scrape = exposition::read(text);
                let not_whole = [&answer["cut"], &answer["broken"]];
                scrape.faults.extend(not_whole.iter().filter_map(|why| why.as_str().map(str::to_owned)));
                seen["faults"] = json!(scrape.faults);
                seen["families"] = scrape.to_json();
            }
            Ok(seen)
        })
        .await
    }
}

impl Case {
    /// Scrapes a service for one number: the sum of the samples of this name that have these labels, among others;
    /// `null` where there is none.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the service's address is not known.
    pub async fn sample(&mut self, service: Service, name: &str, labels: &[(&str, &str)]) -> Result<Seen, Stop> {
        self.needs(Need::Address(service))?;
        let labels: Map<String, Value> =
            labels.iter().map(|&(label, value)| (label.to_owned(), json!(value))).collect();
        let asked = json!({"service": service.name(), "sample": name, "labels": labels});
        let name = name.to_owned();
        self.observe("metrics", asked, async |live: Arc<Live>| {
            let answer = exchange(&live, &spec(service)).await?;
            let scrape = exposition::read(answer["body"].as_str().unwrap_or_default());
            let all = scrape.families.values().flat_map(|family| &family.samples);
            let has = |sample: &&exposition::Sample| {
                let told =
                    |(label, value): (&String, &Value)| sample.labels.get(label).map(String::as_str) == value.as_str();
                sample.name == name && labels.iter().all(told)
            };
            let sum = all.filter(has).map(|sample| sample.value).reduce(|sum, value| sum + value);
            Ok(json!({"value": sum}))
        })
        .await
        .map(|seen| seen.at("/value"))
    }
}

fn spec(service: Service) -> Spec {
    let mut headers = Map::new();
    headers.insert("accept".into(), json!("text/plain;version=0.0.4"));
    Spec {
        service,
        method: "GET".to_owned(),
        path: "/metrics".to_owned(),
        headers,
        body: None,
        filler: None,
        weighed: false,
        deadline: None,
        longest_text: LONGEST_BODY,
    }
}

/// Sum of the samples of this name in a family, as [`Case::scrape`] gives it; `None` where there is none.
pub fn total(family: &Seen, sample: &str) -> Option<f64> {
    let samples = family.at("/samples").key(sample).items();
    let values = samples.iter().filter_map(|one| one.at("/value").number());
    values.reduce(|sum, value| sum + value)
}
