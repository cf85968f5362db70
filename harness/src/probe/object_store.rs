//! The S3 probe: signed requests to the target's object store.

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::Need;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long a signature holds.
const VALID: Duration = Duration::from_secs(60);

impl Case {
    /// Puts an object into a bucket: `/status`.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub async fn put_object(&mut self, bucket: &str, key: &str, content: &str) -> Result<Seen, Stop> {
        self.needs(Need::ObjectStore)?;
        let asked = json!({"put": key, "bucket": bucket, "content": content});
        let (bucket, key, content) = (bucket.to_owned(), key.to_owned(), content.to_owned());
        self.observe("s3", asked, async |live: Arc<Live>| {
            let (bucket, credentials) = open(&live, &bucket)?;
            let url = bucket.put_object(Some(&credentials), &key).sign(VALID);
            send(live.http.put(url.as_str()).body(content)).await
        })
        .await
    }

    /// Gets an object from a bucket: `/status` and `/content`.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there is no access.
    pub async fn get_object(&mut self, bucket: &str, key: &str) -> Result<Seen, Stop> {
        self.needs(Need::ObjectStore)?;
        let asked = json!({"get": key, "bucket": bucket});
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.observe("s3", asked, async |live: Arc<Live>| {
            let (bucket, credentials) = open(&live, &bucket)?;
            let url = bucket.get_object(Some(&credentials), &key).sign(VALID);
            send(live.http.get(url.as_str())).await
        })
        .await
    }
}

fn open(live: &Live, bucket: &str) -> Result<(Bucket, Credentials), CannotLook> {
    let cannot = |reason: String| CannotLook::new("s3", reason);
    let access = live.target.object_store.as_ref();
    let access = access.ok_or_else(|| cannot("the target gives no access".to_owned()))?;
    let endpoint = access.endpoint.parse().map_err(|e| cannot(format!("{}: {e}", access.endpoint)))?;
    let region = access.region.clone();
    let bucket = Bucket::new(endpoint, UrlStyle::Path, bucket.to_owned(), region);
    let credentials = Credentials::new(access.access_key.clone(), access.secret_key.expose());
    Ok((bucket.map_err(|e| cannot(e.to_string()))?, credentials))
}

async fn send(request: reqwest::RequestBuilder) -> Result<Value, CannotLook> {
    match request.timeout(Duration::from_secs(10)).send().await {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let content = answer.text().await.unwrap_or_default();
            Ok(json!({"status": status, "content": content}))
        }
        Err(_) => Ok(json!({"silence": "no answer"})),
    }
}
