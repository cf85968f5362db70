//! Whether a store answers: a signed request for its buckets, so that a key that is not known yet is noticed, too.

use crate::provision::error::ProvisionError;
use crate::provision::readiness::{Attempt, PATIENCE, until};
use crate::target::ObjectStoreAccess;
use crate::wire::{Client, Trust};
use rusty_s3::signing::sign;
use std::time::Duration;
use url::Url;

/// How long the signature of a request holds.
const SIGNED_FOR: u64 = 60;

/// Returns once the store has answered.
pub async fn until_ready(access: &ObjectStoreAccess) -> Result<(), ProvisionError> {
    let client = Client::new(&Trust::in_nobody());
    until(PATIENCE, || ask(&client, access)).await.map_err(|gave_up| not_ready(gave_up.waited, gave_up.last))
}

async fn ask(client: &Client, access: &ObjectStoreAccess) -> Attempt<()> {
    let endpoint = match Url::parse(&access.endpoint) {
        Ok(endpoint) => endpoint,
        Err(error) => return Attempt::Hopeless(format!("{} is no URL: {error}", access.endpoint)),
    };
    let (now, secret) = (jiff::Timestamp::now(), access.secret_key.expose());
    let nothing = std::iter::empty::<(&str, &str)>;
    let (key, region) = (access.access_key.as_str(), access.region.as_str());
    let url = sign(&now, rusty_s3::Method::Get, endpoint, key, secret, None, region, SIGNED_FOR, nothing(), nothing());
    match client.get(url.as_str()).send_within(Duration::from_secs(2)).await {
        Ok(answer) if answer.status().is_success() => Attempt::Ready(()),
        Ok(answer) => Attempt::NotYet(format!("the list of buckets was answered {}", answer.status())),
        Err(error) => Attempt::NotYet(format!("the list of buckets: {error}")),
    }
}

fn not_ready(waited: Duration, last: String) -> ProvisionError {
    ProvisionError::ServerNotReady { server: "the S3 store", waited, last, log: "(none)".into() }
}
