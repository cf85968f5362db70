//! Makes the buckets that AutoGraph expects, by signed requests: that they succeed also shows that the store is ready.

use crate::provision::error::ProvisionError;
use crate::provision::readiness::{Attempt, PATIENCE, until};
use crate::target::ObjectStoreAccess;
use reqwest::{Client, StatusCode};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use std::time::Duration;

/// The buckets of the contract.
pub const BUCKETS: [&str; 3] = ["diagrams", "exports", "uploads"];

/// How long the signature of a request holds.
const SIGNED_FOR: Duration = Duration::from_secs(60);

/// Returns once the store has answered and has all the buckets; those that are there stay as they are.
pub async fn make_buckets(access: &ObjectStoreAccess) -> Result<(), ProvisionError> {
    let client = Client::builder().no_proxy().build().map_err(|error| not_ready(Duration::ZERO, error.to_string()))?;
    for name in BUCKETS {
        until(PATIENCE, || make_bucket(&client, access, name))
            .await
            .map_err(|gave_up| not_ready(gave_up.waited, gave_up.last))?;
    }
    Ok(())
}

async fn make_bucket(client: &Client, access: &ObjectStoreAccess, name: &str) -> Attempt<()> {
    let url = match signed(access, name) {
        Ok(url) => url,
        Err(why) => return Attempt::Hopeless(why),
    };
    let answer = client.put(url).timeout(Duration::from_secs(2)).send().await;
    match answer.map(|answer| answer.status()) {
        // It was there already: made by an earlier try whose answer got lost.
        Ok(status) if status.is_success() || status == StatusCode::CONFLICT => Attempt::Ready(()),
        Ok(status) => Attempt::NotYet(format!("making bucket {name} was answered {status}")),
        Err(error) => Attempt::NotYet(format!("making bucket {name}: {}", error.without_url())),
    }
}

fn signed(access: &ObjectStoreAccess, name: &str) -> Result<reqwest::Url, String> {
    let endpoint = access.endpoint.parse().map_err(|error| format!("{} is no URL: {error}", access.endpoint))?;
    let (name, region) = (name.to_owned(), access.region.clone());
    let bucket =
        Bucket::new(endpoint, UrlStyle::Path, name, region).map_err(|error| format!("{}: {error}", access.endpoint))?;
    let key = Credentials::new(access.access_key.clone(), access.secret_key.expose());
    Ok(bucket.create_bucket(&key).sign(SIGNED_FOR))
}

fn not_ready(waited: Duration, last: String) -> ProvisionError {
    ProvisionError::ServerNotReady { server: "the S3 store", waited, last, log: "(none)".into() }
}
