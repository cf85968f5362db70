//! The requests of a settlement: one that comes too early for the target's limits is sent again once it may.

use crate::check::{Case, Stop};
use crate::probe::Reply;
use crate::target::Service;
use std::time::Duration;

/// The windows of the limits are a minute long (features 9 and 10); nobody is waited for longer than that.
const LONGEST: Duration = Duration::from_secs(61);

/// What the gateway answers. An answer of 429 is waited out once, for as long as it says.
pub(super) async fn ask(case: &mut Case, method: &str, path: &str, token: &str) -> Result<Reply, Stop> {
    let reply = case.http(Service::Gateway).method(method, path).bearer(token).send().await?;
    if reply.status().number() != Some(429.0) {
        return Ok(reply);
    }
    let seconds = reply.header("retry-after").text().and_then(|text| text.trim().parse().ok());
    tokio::time::sleep(seconds.map_or(LONGEST, Duration::from_secs).min(LONGEST)).await;
    case.http(Service::Gateway).method(method, path).bearer(token).send().await
}

/// What became of a request, in a word.
pub(super) fn outcome(reply: &Reply) -> String {
    match reply.status().number() {
        Some(status) => format!("answered {status}"),
        None => format!("without an answer: {}", reply.silence().text().unwrap_or("the connection ended")),
    }
}
