//! One store: what it holds, whom it knows, the time it lives by, and whether it lets somebody do something.

use super::accounts::{Accounts, Caller};
use super::clock::Clock;
use super::policy::{Document, Effect};
use super::shelf::Shelf;
use super::uploads::Uploads;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::Credentials;
use s3s::path::S3Path;
use s3s::{S3Result, s3_error};
use std::sync::Arc;

/// A store; clones share it.
#[derive(Debug, Clone)]
pub struct Store(Arc<Parts>);

/// What a store consists of.
#[derive(Debug)]
pub struct Parts {
    /// Buckets and objects.
    pub shelf: Shelf,
    /// Uploads in parts that are under way.
    pub uploads: Uploads,
    /// Who may sign requests.
    pub accounts: Accounts,
    /// The time.
    pub clock: Clock,
}

impl std::ops::Deref for Store {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Store {
    /// A store of these parts.
    pub fn new(shelf: Shelf, accounts: Accounts, clock: Clock) -> Store {
        Store(Arc::new(Parts { shelf, uploads: Uploads::default(), accounts, clock }))
    }

    /// Insists that the sender of a request may do this to an object.
    pub fn insist(&self, sender: Option<&Credentials>, action: &str, bucket: &str, key: &str) -> S3Result<()> {
        let caller = self.accounts.caller(sender.map(|sender| sender.access_key.as_str()));
        match self.lets(caller, action, bucket, &format!("{bucket}/{key}")) {
            true => Ok(()),
            false => Err(s3_error!(AccessDenied, "no policy allows this")),
        }
    }

    /// Whether somebody may do this to `bucket` or `bucket/key`: the bucket's policy and the user's own are asked,
    /// and what either denies is denied.
    fn lets(&self, caller: Caller<'_>, action: &str, bucket: &str, resource: &str) -> bool {
        if let Caller::Owner = caller {
            return true;
        }
        let record = self.shelf.bucket(bucket).ok();
        let of_bucket =
            record.and_then(|record| record.policy).and_then(|text| Document::of_bucket(&text, bucket).ok());
        let said = [
            of_bucket.and_then(|policy| policy.about(caller.name(), action, resource)),
            match caller {
                Caller::User(user) => user.policy.about(None, action, resource),
                Caller::Owner | Caller::Anybody => None,
            },
        ];
        said.contains(&Some(Effect::Allow)) && !said.contains(&Some(Effect::Deny))
    }
}

#[async_trait::async_trait]
impl S3Access for Store {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = context.s3_op().name();
        // It names its objects in the body and asks for each of them.
        if operation == "DeleteObjects" {
            return Ok(());
        }
        let versioned = context.uri().query().is_some_and(|query| query.contains("versionId="));
        let action = action_of(operation, versioned);
        let caller = self.accounts.caller(context.credentials().map(|sender| sender.access_key.as_str()));
        let allowed = match context.s3_path() {
            S3Path::Root => self.lets(caller, &action, "", "*"),
            S3Path::Bucket { bucket } => self.lets(caller, &action, bucket, bucket),
            S3Path::Object { bucket, key } => self.lets(caller, &action, bucket, &format!("{bucket}/{key}")),
        };
        if allowed { Ok(()) } else { Err(s3_error!(AccessDenied, "no policy allows this")) }
    }
}

/// The action that a policy must allow for an operation.
fn action_of(operation: &str, versioned: bool) -> String {
    let action = match operation {
        "GetObject" | "HeadObject" if versioned => "GetObjectVersion",
        "HeadObject" => "GetObject",
        "DeleteObject" if versioned => "DeleteObjectVersion",
        "CopyObject" | "CreateMultipartUpload" | "UploadPart" | "UploadPartCopy" | "CompleteMultipartUpload" => {
            "PutObject"
        }
        "ListObjects" | "ListObjectsV2" | "HeadBucket" => "ListBucket",
        "ListObjectVersions" => "ListBucketVersions",
        "ListBuckets" => "ListAllMyBuckets",
        "ListParts" => "ListMultipartUploadParts",
        "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => "PutLifecycleConfiguration",
        other => other,
    };
    format!("s3:{action}")
}
