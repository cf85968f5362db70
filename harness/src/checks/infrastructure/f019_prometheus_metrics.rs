//! Feature 19: each service exposes metrics that Prometheus can scrape.

use super::service_metrics::{family, prefix, series};
use crate::check::{Case, Check, Seen, Stop, at_least, between, contains, is};
use crate::probe::total;
use crate::sabotage::{rewrite_text, set_variable};
use crate::target::{Need, Own, Service, Setup};
use serde_json::Value;

/// Requests sent to each service between two scrapes.
const SENT: usize = 3;

pub const CHECK: Check = Check {
    feature: 19,
    revision: 1,
    // Of its own, so that requests of other checks are not counted.
    setup: Setup::Own(Own::of(&Service::ALL)),
    needs: &[Need::Address(Service::Gateway)],
    control: "counters that nothing was sent to never go down",
    sabotage: &[
        set_variable("git-service has no metrics", Service::Git, "METRICS_ENABLED", "false").and_red(&[20, 40]),
        rewrite_text(
            "export-service's histogram is announced as a gauge",
            Service::Export,
            "/metrics",
            "histogram",
            "gauge",
        )
        .and_red(&[40]),
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
        case.expect(
            format!("offences of {service} against the format"),
            scrape.at("/faults"),
            is(Value::Array(vec![])),
        );
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
    let path = format!("/health/{}", case.word());
    let sent = send_to_all(case, &path).await?;
    let second = scrape_all(case).await?;
    for ((service, scrape), sent_ms) in second.iter().zip(&sent) {
        requests_are_counted(case, *service, scrape, &path);
        durations_are_measured(case, *service, scrape, &path, *sent_ms);
        let open = sum(scrape, *service, "active_connections");
        // The scrape itself is one; requests that ended long ago are none.
        case.expect(format!("{}_active_connections", prefix(*service)), open, between(1.0, 4.0));
    }

    case.step(7, "Prometheus, as a scraper, can read every target");
    case.observed_as("the harness scrapes every target as Prometheus does and reads it by the rules of the format; no Prometheus is started");
    let third = scrape_all(case).await?;
    let up = third.iter().filter(|(_, scrape)| {
        scrape.at("/status").value() == 200 && scrape.at("/faults").value() == &Value::Array(vec![])
    });
    case.expect("targets that are up", up.count(), is(Service::ALL.len()));
    for ((service, before), (_, after)) in second.iter().zip(&third) {
        let (before, after) = (sum(before, *service, "requests_total"), sum(after, *service, "requests_total"));
        let name = format!("{}_requests_total", prefix(*service));
        case.expect(format!("{name} of all series at the next scrape"), after, at_least(before));
    }

    case.step(8, "The scraped series can be looked up by name and label, as in the Prometheus interface");
    case.observed_as("the harness looks the series up in what it scraped");
    for (service, scrape) in &third {
        let health = if *service == Service::Frontend { "/api/health" } else { "/health" };
        let wanted = [("method", "GET"), ("path", health), ("status_code", "200")];
        let found = series(scrape, *service, "requests_total", "requests_total", &wanted);
        let name = format!("{}_requests_total", prefix(*service));
        case.expect(
            format!("{name}{{method=\"GET\",path=\"{health}\",status_code=\"200\"}}"),
            found.map(|sample| sample.at("/value").value().clone()),
            at_least(1.0),
        );
    }
    Ok(())
}

/// Sends every service requests for a path that only this case asks for, and one for its health: the time that the
/// former took, by service, in ms.
async fn send_to_all(case: &mut Case, path: &str) -> Result<Vec<f64>, Stop> {
    let mut sent = Vec::new();
    for service in Service::ALL {
        case.health(service).await?;
        let mut took = 0.0;
        for _ in 0..SENT {
            let reply = case.http(service).get(path).send().await?;
            case.expect(format!("status of a path that {service} does not know"), reply.status(), is(404));
            took += reply.ms().number().unwrap_or_default();
        }
        case.http(service).post(path).send().await?;
        sent.push(took);
    }
    Ok(sent)
}

/// The counter has exactly what was sent, told apart by method and status.
fn requests_are_counted(case: &mut Case, service: Service, scrape: &Seen, path: &str) {
    let name = format!("{}_requests_total", prefix(service));
    for (method, count) in [("GET", SENT as f64), ("POST", 1.0)] {
        let wanted = [("method", method), ("path", path)];
        let found = series(scrape, service, "requests_total", "requests_total", &wanted);
        let found = found.unwrap_or_else(|| case.silence());
        let what = format!("{name}{{method={method:?}}} of a path asked for {count} times");
        case.expect(what, found.at("/value"), is(count));
        if method == "GET" {
            case.expect(
                format!("label status_code of {name} for a path that is unknown"),
                found.at("/labels/status_code"),
                is("404"),
            );
        }
    }
}

/// The histogram has as many durations as were sent, in seconds: some time, and no more than the answers took.
fn durations_are_measured(case: &mut Case, service: Service, scrape: &Seen, path: &str, sent_ms: f64) {
    let name = format!("{}_request_duration_seconds", prefix(service));
    let wanted = [("method", "GET"), ("path", path)];
    let part = |part: &str| {
        let found = series(scrape, service, "request_duration_seconds", part, &wanted);
        found.map(|sample| sample.at("/value").value().clone())
    };
    case.expect(format!("{name}_count of that path"), part("request_duration_seconds_count"), is(SENT as f64));
    let seconds = between(1e-9, sent_ms / 1000.0);
    case.expect(format!("{name}_sum of that path"), part("request_duration_seconds_sum"), seconds);
    let samples = family(scrape, service, "request_duration_seconds").at("/samples");
    let count = |part: &str| samples.key(&format!("{name}_{part}")).items().len() as f64;
    let per_series = count("bucket") / count("count");
    case.expect(format!("buckets of each series of {name}"), per_series, at_least(5.0));
}

async fn scrape_all(case: &mut Case) -> Result<Vec<(Service, Seen)>, Stop> {
    let mut all = Vec::new();
    for service in Service::ALL {
        all.push((service, case.scrape(service).await?));
    }
    Ok(all)
}

fn metric_exists(case: &mut Case, service: Service, scrape: &Seen, metric: &str, kind: &str) {
    let family = family(scrape, service, metric);
    let name = format!("{}_{metric}", prefix(service));
    case.expect(format!("type of {name}"), family.at("/type"), is(kind));
    let sample = if kind == "histogram" { format!("{name}_bucket") } else { name.clone() };
    case.expect(format!("samples of {sample}"), family.at("/samples").key(&sample).items().len(), at_least(1.0));
}

/// A metric's samples added up; not a number where there is none.
fn sum(scrape: &Seen, service: Service, metric: &str) -> f64 {
    total(&family(scrape, service, metric), &format!("{}_{metric}", prefix(service))).unwrap_or(f64::NAN)
}
