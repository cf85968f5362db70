//! The clock probe: lets time pass, really or on the target's test clock.

use super::http::{Spec, exchange};
use crate::check::{CannotLook, Case, Live, Stop};
use crate::target::{Need, Service};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Said of every step whose time was not really waited for.
const TEST_CLOCK: &str = "time passes on the target's test clock";

/// A moment of the target's time, from which later moments are reckoned.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    real: tokio::time::Instant,
    moved_ms: i64,
}

impl Case {
    /// This moment.
    pub fn moment(&self) -> Moment {
        let live = self.live_target();
        Moment {
            real: tokio::time::Instant::now(),
            moved_ms: live.map_or(0, |live| live.clock_moved_ms.load(Ordering::Relaxed)),
        }
    }

    /// Lets time pass until this long after a moment. What the harness itself has needed since then counts, so that
    /// a busy machine does not push the target over a limit too early.
    ///
    /// # Errors
    /// As [`Case::pass`].
    pub async fn pass_until(&mut self, moment: Moment, after: Duration) -> Result<(), Stop> {
        let asked = json!({"let pass, in s after a moment": after.as_secs_f64()});
        self.relies_on(Need::Patience(after));
        let patient = self.can(Need::Patience(after));
        if !patient && !self.can(Need::Clock) {
            return Err(Stop::Needs(Need::Patience(after)));
        }
        if !patient {
            self.observed_as(TEST_CLOCK);
        }
        self.observe("clock", asked, async |live: Arc<Live>| {
            let moved = live.clock_moved_ms.load(Ordering::Relaxed) - moment.moved_ms;
            let gone = moment.real.elapsed() + Duration::from_millis(moved.unsigned_abs());
            let rest = after.saturating_sub(gone);
            if patient {
                live.expect_wait(rest);
                tokio::time::sleep(rest).await;
            } else {
                advance(&live, rest).await?;
            }
            Ok(json!("passed"))
        })
        .await?;
        Ok(())
    }

    /// Lets this much time pass for the target: really, where patience covers it, else on its test clock.
    ///
    /// # Errors
    /// [`Stop::Needs`] patience where there is no test clock.
    pub async fn pass(&mut self, time: Duration) -> Result<(), Stop> {
        self.relies_on(Need::Patience(time));
        let asked = json!({"let pass, in s": time.as_secs_f64()});
        if self.can(Need::Patience(time)) {
            self.observe("clock", asked, async |live: Arc<Live>| {
                live.expect_wait(time);
                tokio::time::sleep(time).await;
                Ok(json!("waited"))
            })
            .await?;
            return Ok(());
        }
        if !self.can(Need::Clock) {
            return Err(Stop::Needs(Need::Patience(time)));
        }
        self.observed_as(TEST_CLOCK);
        self.observe("clock", asked, async |live: Arc<Live>| {
            advance(&live, time).await?;
            Ok(json!("moved the test clock"))
        })
        .await?;
        Ok(())
    }

    /// As [`Case::pass`], also for the object store.
    ///
    /// # Errors
    /// [`Stop::Needs`] patience where the store has no test clock.
    pub async fn pass_for_store(&mut self, time: Duration) -> Result<(), Stop> {
        let patience = Need::Patience(time);
        if self.can(patience) || self.can(Need::StoreClock) {
            self.pass(time).await
        } else {
            Err(Stop::Needs(patience))
        }
    }

    /// Waits until a service waits on its clock for so many things with this in their name, so that moving the clock
    /// means something; nothing where there is no test clock.
    ///
    /// # Errors
    /// As [`Case::observe`].
    pub async fn until_waiting(&mut self, service: Service, what: &str, count: usize) -> Result<(), Stop> {
        if !self.can(Need::Clock) {
            return Ok(());
        }
        let asked = json!({"service": service.name(), "waits for": what, "times": count});
        let what = what.to_owned();
        self.observe("clock", asked, async |live: Arc<Live>| {
            let began = tokio::time::Instant::now();
            loop {
                let clock = ask(&live, service, "GET", "/test/clock", None).await?;
                let all = clock["waiting"].as_array().into_iter().flatten();
                // One whose time has come does not wait any longer, though it may not have noticed yet.
                let waits = all.filter(|one| one["remaining_ms"].as_u64() != Some(0));
                let named = waits.filter(|one| one["what"].as_str().is_some_and(|name| name.contains(&what)));
                let waits = named.count() >= count;
                if waits || began.elapsed() > live.patience.moment() {
                    return Ok(json!(waits));
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await?;
        Ok(())
    }

    /// The time of day for the target, in seconds since 1970 (UTC): the harness's clock, moved as the target's was.
    ///
    /// # Errors
    /// As [`Case::observe`].
    pub async fn now(&mut self) -> Result<f64, Stop> {
        let seen =
            self.observe("clock", json!("time of day"), async |live: Arc<Live>| Ok(json!(unix_now(&live)))).await?;
        Ok(seen.number().unwrap_or_default())
    }
}

/// Seconds since 1970, moved as the target's clock was.
pub(crate) fn unix_now(live: &Live) -> f64 {
    let moved = live.clock_moved_ms.load(Ordering::Relaxed) as f64 / 1000.0;
    chrono::Utc::now().timestamp_micros() as f64 / 1e6 + moved
}

/// Moves the clocks of the target: of every service, and of the object stores that have one.
async fn advance(live: &Live, time: Duration) -> Result<(), CannotLook> {
    let body = json!({"ms": time.as_millis() as u64});
    let stores = live.target.object_store.iter().chain(&live.target.second_object_store).filter(|store| store.clock);
    for store in stores {
        let url = format!("{}/test/clock/advance", store.endpoint);
        let moved = live.http.request("POST", &url).json(&body).send_within(live.patience.answer).await;
        // As a service, a store that is stopped at the moment has no clock to move.
        if let Ok(answer) = moved
            && !answer.status().is_success()
        {
            return Err(CannotLook::new("clock", format!("the object store has no test clock: {}", answer.status())));
        }
    }
    for service in live.target.services.keys().copied() {
        // A service that is stopped at the moment has no clock to move.
        let _ = ask(live, service, "POST", "/test/clock/advance", Some(body.clone())).await;
    }
    live.clock_moved_ms.fetch_add(time.as_millis() as i64, Ordering::Relaxed);
    Ok(())
}

async fn ask(
    live: &Live,
    service: Service,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<Value, CannotLook> {
    let cannot = |reason: String| CannotLook::new("clock", reason);
    let spec = Spec { method: method.to_owned(), body, ..Spec::get(service, path) };
    let seen = exchange(live, &spec).await.map_err(|cause| cannot(cause.reason))?;
    match (&seen["silence"], &seen["body"]) {
        (Value::String(silence), _) => Err(cannot(silence.clone())),
        (_, clock @ Value::Object(_)) => Ok(clock.clone()),
        _ => Err(cannot(format!("{service} has no test clock: its answer is no JSON object"))),
    }
}
