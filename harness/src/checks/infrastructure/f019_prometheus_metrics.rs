//! Feature 19: each service exposes metrics that Prometheus can scrape.

use crate::check::{Case, Check, Seen, Stop, absent, at_least, contains, is};
use crate::probe::total;
use crate::sabotage::{rewrite_text, set_variable};
use crate::target::{Need, Service, Setup};
use serde_json::Value;

/// Requests sent to each service between two scrapes.
const SENT: usize = 3;

pub const CHECK: Check = Check {
    feature: 19,
    revision: 1,
    setup: Setup::Shared,
    needs: &[Need::Address(Service::Gateway)],
    control: "counters that nothing was sent to never go down",
    sabotage: &[
        set_variable("git-service has no metrics", Service::Git, "METRICS_ENABLED", "false"),
        rewrite_text(
            "export-service's histogram is announced as a gauge",
            Service::Export,
            "/metrics",
            "histogram",
            "gauge",
        ),
    ],
    run: |case| Box::pin(run(case)),
};

async fn run(case: &mut Case) -> Result<(), Stop> {
    for service in Service::ALL {
        case.needs(Need::Address(service))?;
    }

    case.step(1, "GET /metrics answers 200 on each service");
    let first = scrape_all(case).await?;
    for (service, scrape) in &first {
        case.expect(format!("status of {service}'s metrics"), scrape.at("/status"), is(200));
    }

    case.step(2, "The text is in the Prometheus exposition format");
    for (service, scrape) in &first {
        case.expect(format!("content type of {service}"), scrape.at("/content_type"), contains("text/plain"));
        case.expect(format!("offences of {service} against the format"), scrape.at("/faults"), is(Value::Array(vec![])));
        case.expect(format!("metrics of {service}"), scrape.at("/families").keys().len(), at_least(3.0));
    }

    case.step(3, "A counter of requests exists on each service");
    for (service, scrape) in &first {
        metric_exists(case, *service, scrape, "requests_total", "counter");
    }
    case.step(4, "A histogram of request durations in seconds exists on each service");
    for (service, scrape) in &first {
        metric_exists(case, *service, scrape, "request_duration_seconds", "histogram");
    }
    case.step(5, "A gauge of active connections exists on each service");
    for (service, scrape) in &first {
        metric_exists(case, *service, scrape, "active_connections", "gauge");
    }

    case.step(6, "Requests are sent and the metrics move with them");
    for service in Service::ALL {
        for _ in 0..SENT {
            case.health(service).await?;
        }
    }
    let second = scrape_all(case).await?;
    for ((service, before), (_, after)) in first.iter().zip(&second) {
        for (what, sample) in [("requests_total", "requests_total"), ("request_duration_seconds", "request_duration_seconds_count")] {
            let sample = format!("{}_{sample}", prefix(*service));
            let rise = sum(after, what, &sample, *service) - sum(before, what, &sample, *service);
            case.expect(format!("rise of {sample} after {SENT} requests"), rise, at_least(SENT as f64));
        }
        let open = format!("{}_active_connections", prefix(*service));
        case.expect(open.clone(), sum(after, "active_connections", &open, *service), at_least(0.0));
    }

    case.step(7, "Prometheus, as a scraper, can read every target");
    case.observed_as("the harness scrapes every target as Prometheus does and reads it by the rules of the format; no Prometheus is started");
    let up = second.iter().filter(|(_, scrape)| {
        scrape.at("/status").value() == 200 && scrape.at("/faults").value() == &Value::Array(vec![])
    });
    case.expect("targets that are up", up.count(), is(Service::ALL.len()));
    for ((service, before), (_, after)) in first.iter().zip(&second) {
        case.expect(format!("series of {service} that went down or away"), gone_down(*service, before, after), absent());
    }

    case.step(8, "The scraped series can be looked up by name and label, as in the Prometheus interface");
    case.observed_as("the harness looks the series up in what it scraped");
    for (service, scrape) in &second {
        let name = format!("{}_requests_total", prefix(*service));
        let counter = family(scrape, *service, "requests_total");
        let path = if *service == Service::Frontend { "/api/health" } else { "/health" };
        let wanted = [("method", "GET"), ("path", path), ("status_code", "200")];
        let found = counter.at("/samples").key(&name).items().into_iter().find(|sample| {
            let labels = sample.at("/labels");
            wanted.iter().all(|(label, value)| labels.key(label).text() == Some(value))
        });
        let value = found.map(|sample| sample.at("/value").value().clone());
        case.expect(
            format!("{name}{{method=\"GET\",path=\"{path}\",status_code=\"200\"}}"),
            value,
            at_least(SENT as f64),
        );
    }
    Ok(())
}

async fn scrape_all(case: &mut Case) -> Result<Vec<(Service, Seen)>, Stop> {
    let mut all = Vec::new();
    for service in Service::ALL {
        all.push((service, case.scrape(service).await?));
    }
    Ok(all)
}

/// `api_gateway`, `auth_service`, …: what the names of a service's metrics begin with (contract, section 3.5).
fn prefix(service: Service) -> String {
    service.name().replace('-', "_")
}

fn family(scrape: &Seen, service: Service, metric: &str) -> Seen {
    scrape.at("/families").key(&format!("{}_{metric}", prefix(service)))
}

fn metric_exists(case: &mut Case, service: Service, scrape: &Seen, metric: &str, kind: &str) {
    let family = family(scrape, service, metric);
    let name = format!("{}_{metric}", prefix(service));
    case.expect(format!("type of {name}"), family.at("/type"), is(kind));
    let sample = if kind == "histogram" { format!("{name}_bucket") } else { name.clone() };
    case.expect(format!("samples of {sample}"), family.at("/samples").key(&sample).items().len(), at_least(1.0));
}

/// Sum of a sample over all its labels; not a number where it is missing.
fn sum(scrape: &Seen, metric: &str, sample: &str, service: Service) -> f64 {
    total(&family(scrape, service, metric), sample).unwrap_or(f64::NAN)
}

/// Series of the request counter that are smaller than before, or gone.
fn gone_down(service: Service, before: &Seen, after: &Seen) -> Vec<String> {
    let series = |scrape: &Seen| -> Vec<(String, f64)> {
        let counter = family(scrape, service, "requests_total");
        let samples = counter.at("/samples").key(&format!("{}_requests_total", prefix(service))).items();
        samples
            .iter()
            .map(|one| (one.at("/labels").value().to_string(), one.at("/value").number().unwrap_or_default()))
            .collect()
    };
    let now = series(after);
    series(before)
        .into_iter()
        .filter(|(labels, old)| !now.iter().any(|(known, new)| known == labels && new >= old))
        .map(|(labels, _)| labels)
        .collect()
}
