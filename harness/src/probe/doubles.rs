//! The probe of doubles: what reached a party outside of AutoGraph that the harness plays.

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::{Need, Part};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

impl Case {
    /// Everything that a double has received, oldest first, read once it is enough or when `within` has passed.
    /// `what` says in words what is waited for.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the target has no such double.
    pub async fn received_until(
        &mut self,
        part: Part,
        what: &str,
        within: Duration,
        enough: impl Fn(&[Value]) -> bool,
    ) -> Result<Seen, Stop> {
        self.needs(Need::Part(part))?;
        let asked = json!({"received by": part.to_string(), "until": what, "within_s": within.as_secs_f64()});
        self.observe("double", asked, async |live: Arc<Live>| {
            Ok(Value::Array(until(&live, part, within, enough).await?))
        })
        .await
    }

    /// Has a double refuse what reaches it from now on, or take it in again.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the target has no such double.
    pub async fn close_double(&mut self, part: Part, closed: bool) -> Result<(), Stop> {
        self.needs(Need::Part(part))?;
        let asked = json!({"double": part.to_string(), "refuses": closed});
        self.observe("double", asked, async |live: Arc<Live>| {
            let inbox = live.target.inboxes.get(&part);
            inbox.ok_or_else(|| CannotLook::new("double", format!("{part} cannot refuse")))?.close(closed);
            Ok(json!("done"))
        })
        .await?;
        Ok(())
    }

    /// What a double has received of one kind, oldest first, read once there is so much of it or when `within` has
    /// passed. `what` says in words which kind that is.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the target has no such double.
    pub async fn received_of(
        &mut self,
        part: Part,
        what: &str,
        within: Duration,
        count: usize,
        is_meant: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Seen>, Stop> {
        self.needs(Need::Part(part))?;
        let asked =
            json!({"received by": part.to_string(), "of": what, "until": count, "within_s": within.as_secs_f64()});
        let seen = self
            .observe("double", asked, async |live: Arc<Live>| {
                let all =
                    until(&live, part, within, |all| all.iter().filter(|one| is_meant(one)).count() >= count).await?;
                Ok(all.into_iter().filter(|one| is_meant(one)).collect())
            })
            .await?;
        Ok(seen.items())
    }

    /// Everything that a double has received so far.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the target has no such double.
    pub async fn received(&mut self, part: Part) -> Result<Seen, Stop> {
        self.received_until(part, "now", Duration::ZERO, |_| true).await
    }
}

/// Everything in a double's inbox, once it is enough or when `within` has passed.
async fn until(
    live: &Live,
    part: Part,
    within: Duration,
    enough: impl Fn(&[Value]) -> bool,
) -> Result<Vec<Value>, CannotLook> {
    let inbox = live.target.inboxes.get(&part);
    let inbox = inbox.ok_or_else(|| CannotLook::new("double", format!("{part} keeps nothing")))?;
    let deadline = tokio::time::Instant::now() + within;
    loop {
        let all = inbox.all();
        if enough(&all) || tokio::time::Instant::now() > deadline {
            return Ok(all);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
