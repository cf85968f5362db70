//! Requests for buckets and their settings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::HeaderName;
use md5::{Digest, Md5};
use roxmltree::Document;
use rusty_s3::Method;

use super::answers::{children, text};
use super::request::Ask;
use super::{ObjectStore, StoreError};

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

impl ObjectStore {
    /// The names of all buckets.
    pub async fn buckets(&self) -> Result<Vec<String>, StoreError> {
        let ask = Ask::new("list buckets", Method::Get, "", "");
        let answer = self.text(&ask, Bytes::new()).await?;
        let xml = Document::parse(&answer).map_err(|error| ask.garbled(error))?;
        let lists = children(xml.root_element(), "Buckets");
        Ok(lists.flat_map(|list| children(list, "Bucket")).filter_map(|bucket| text(bucket, "Name")).collect())
    }

    /// Whether there is such a bucket.
    pub async fn has_bucket(&self, bucket: &str) -> Result<bool, StoreError> {
        let ask = Ask::new("look for a bucket", Method::Head, bucket, "");
        match self.call(&ask, Bytes::new()).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_missing_bucket() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a bucket unless it is there.
    pub async fn make_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        let ask = Ask::new("make a bucket", Method::Put, bucket, "");
        match self.call(&ask, Bytes::new()).await {
            Ok(_) => Ok(()),
            Err(error) if error.is("BucketAlreadyOwnedByYou") || error.is("BucketAlreadyExists") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives a bucket a rule that what begins with the prefix goes after so many days, unless it has rules already:
    /// whoever set those knew why.
    pub async fn make_lifecycle(&self, bucket: &str, id: &str, prefix: &str, days: u32) -> Result<(), StoreError> {
        let ask = Ask::new("read lifecycle rules", Method::Get, bucket, "").query("lifecycle", "");
        match self.call(&ask, Bytes::new()).await {
            Err(error) if error.is("NoSuchLifecycleConfiguration") => {}
            other => return other.map(drop),
        }
        let rule = format!(
            "<LifecycleConfiguration><Rule><ID>{id}</ID><Status>Enabled</Status><Filter><Prefix>{prefix}</Prefix></Filter>\
             <Expiration><Days>{days}</Days></Expiration></Rule></LifecycleConfiguration>"
        );
        self.set("set lifecycle rules", bucket, "lifecycle", rule).await
    }

    /// Whether a bucket keeps, or has kept, the versions of its objects.
    pub async fn keeps_versions(&self, bucket: &str) -> Result<bool, StoreError> {
        let ask = Ask::new("ask about versions", Method::Get, bucket, "").query("versioning", "");
        let answer = self.text(&ask, Bytes::new()).await?;
        let xml = Document::parse(&answer).map_err(|error| ask.garbled(error))?;
        Ok(text(xml.root_element(), "Status").is_some())
    }

    /// Has a bucket keep the versions of its objects.
    pub async fn keep_versions(&self, bucket: &str) -> Result<(), StoreError> {
        let text = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        self.set("keep versions", bucket, "versioning", text.to_owned()).await
    }

    async fn set(&self, doing: &str, bucket: &str, what: &str, text: String) -> Result<(), StoreError> {
        let digest = STANDARD.encode(Md5::digest(text.as_bytes()));
        let ask = Ask::new(doing, Method::Put, bucket, "").query(what, "").header(CONTENT_MD5, &digest);
        self.call(&ask, Bytes::from(text)).await.map(drop)
    }
}
