//! A question that is asked until its answer is the one that is waited for.

use super::{Reply, Request, exchange};
use crate::check::{Live, Stop};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(50);

impl Request<'_> {
    /// Sends the request again and again until the body is as wanted, at most this long; the last answer is the
    /// observation, whatever it is.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the service's address is not known.
    pub async fn until(self, patience: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Reply, Stop> {
        self.may_be_sent()?;
        let spec = self.spec;
        let asked = json!({"again, for up to s": patience.as_secs_f64(), "request": spec.asked()});
        let look = async move |live: Arc<Live>| {
            let deadline = tokio::time::Instant::now() + patience;
            loop {
                let seen = exchange(&live, &spec).await?;
                if wanted(&seen["body"]) || tokio::time::Instant::now() > deadline {
                    return Ok(seen);
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        Ok(Reply::new(self.case.observe("http", asked, look).await?))
    }
}
