//! How a service's memory goes over rounds of load: whether it settles, or rises round after round.

use crate::check::{Case, Stop, at_most, between, is};
use crate::probe::Reply;
use crate::target::Service;
use serde_json::json;
use std::time::Duration;

/// Requests of one round of load, and rounds that stand for a day.
pub(super) const ROUND: usize = 1000;
const ROUNDS: usize = 5;
/// Rounds after which memory that still has not settled is a leak: on a busy machine an allocator takes its time.
const MOST_ROUNDS: usize = 15;
/// What a round of load asks for, and what is answered.
const PATHS: [(&str, &str); 4] =
    [("/test/memory", "200"), ("/api/auth/health", "200"), ("/metrics", "200"), ("/health/conformance-unknown", "404")];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Growth over a round that is no leak: allocators settle. A leak of 600 bytes a request shows.
const LEVEL_MB_PER_ROUND: f64 = 0.5;
/// In the calmest round memory rises by less than this. A leak of 100 bytes a request shows.
const CALM_MB: f64 = 0.06;

pub(super) async fn memory(case: &mut Case) -> Result<Reply, Stop> {
    case.http(Service::Gateway).get("/test/memory").send().await
}

fn megabytes(reading: &Reply) -> f64 {
    reading.number("current_memory_mb")
}

/// The reading after each round of load, over a day of the target's clock and on until memory is level.
pub(super) async fn day_of_load(case: &mut Case) -> Result<Vec<Reply>, Stop> {
    let mut readings: Vec<Reply> = Vec::new();
    for round in 1..=MOST_ROUNDS {
        let so_far: Vec<f64> = readings.iter().map(megabytes).collect();
        if round > ROUNDS && Course::of_the_last(&so_far).is_level() {
            break;
        }
        case.pass(DAY / ROUNDS as u32).await?;
        // Every way through the service: its own routes, a service behind it, and paths that nobody knows.
        for (path, status) in PATHS {
            let load = case
                .http(Service::Gateway)
                .get(path)
                .header("x-forwarded-for", &format!("10.42.0.{round}"))
                .times(ROUND / PATHS.len(), 8)
                .await?;
            let answers = json!({status: ROUND / PATHS.len()});
            case.expect(format!("answers of {path} in round {round}"), load.at("/answers"), is(answers));
        }
        let reading = memory(case).await?;
        readings.push(reading);
    }
    Ok(readings)
}

/// Least squares: how much a value rises from one reading to the next.
fn slope(readings: &[f64]) -> f64 {
    let n = readings.len() as f64;
    let mean_x = (n - 1.0) / 2.0;
    let mean_y = readings.iter().sum::<f64>() / n;
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in readings.iter().enumerate() {
        above += (x as f64 - mean_x) * (y - mean_y);
        below += (x as f64 - mean_x).powi(2);
    }
    above / below
}

pub(super) fn stays_level(case: &mut Case, readings: &[Reply]) {
    case.observed_as(&format!("{} requests, spread over a day of the target's test clock", ROUND * readings.len()));
    let readings: Vec<f64> = readings.iter().map(megabytes).collect();
    let Course { slope, calmest } = Course::of_the_last(&readings);
    case.expect("slope of memory, in MB per 1,000 requests", slope, at_most(LEVEL_MB_PER_ROUND));
    case.expect("rise of memory in the calmest round, in MB", calmest, at_most(CALM_MB));
    let last = readings.last().copied().unwrap_or(f64::NAN);
    let rise = last - readings.first().copied().unwrap_or(f64::NAN);
    case.expect("change over all rounds, in MB", rise, between(-20.0, 20.0));
}

/// How memory went over the last five rounds, in MB a round.
struct Course {
    slope: f64,
    calmest: f64,
}

impl Course {
    fn of_the_last(readings: &[f64]) -> Course {
        let last = &readings[readings.len().saturating_sub(ROUNDS)..];
        let rises = last.windows(2).map(|pair| pair[1] - pair[0]);
        Course { slope: slope(last), calmest: rises.reduce(f64::min).unwrap_or(f64::NAN) }
    }

    fn is_level(&self) -> bool {
        self.slope <= LEVEL_MB_PER_ROUND && self.calmest <= CALM_MB
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reading after each round, which adds so much, with what a busy machine adds beyond that.
    fn readings(leak: f64, beyond: &[f64]) -> Vec<f64> {
        let mut now = 40.0;
        let rises = beyond.iter().map(|extra| {
            now += leak + extra;
            now
        });
        rises.collect()
    }

    #[test]
    fn memory_that_settles_late_is_level_once_it_has_settled() {
        let settling = readings(0.0, &[2.0, 1.5, 1.0, 0.8, 0.7, 0.4, 0.2, 0.07, 0.01, 0.0]);
        assert!(!Course::of_the_last(&settling[..ROUNDS]).is_level());
        assert!(Course::of_the_last(&settling).is_level());
    }

    #[test]
    fn a_leak_of_a_hundred_bytes_a_request_never_is() {
        let leaking = readings(0.1, &[0.2; MOST_ROUNDS]);
        assert!((ROUNDS..=MOST_ROUNDS).all(|rounds| !Course::of_the_last(&leaking[..rounds]).is_level()));
        let large = readings(0.7, &[0.0, -0.7, 0.0, 0.0, 0.0, 0.0, -0.7, 0.0, 0.0, 0.0]);
        assert!(!Course::of_the_last(&large).is_level(), "one calm round does not make up for the others");
    }

    #[test]
    fn what_was_not_told_is_not_level() {
        assert!(!Course::of_the_last(&[f64::NAN; ROUNDS]).is_level());
        assert!(!Course::of_the_last(&[]).is_level());
    }
}
