//! Requests for buckets and their settings: lifecycle, policy, versioning.

use super::lifecycle::Rule;
use super::policy::{Document, PolicyError};
use super::records::Versioning;
use super::store::Store;
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

/// All buckets, by name.
pub fn list(store: &Store) -> S3Response<ListBucketsOutput> {
    let buckets = store.shelf.all_buckets().into_iter().map(|record| Bucket {
        creation_date: Some(std::time::SystemTime::from(record.created).into()),
        name: Some(record.name),
        ..Bucket::default()
    });
    S3Response::new(ListBucketsOutput { buckets: Some(buckets.collect()), ..ListBucketsOutput::default() })
}

/// Makes a bucket.
pub fn create(store: &Store, request: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
    let bucket = request.input.bucket;
    store.shelf.create_bucket(&bucket, store.clock.now())?;
    Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{bucket}")) }))
}

/// Sets the lifecycle rules, all of them or none.
pub fn put_lifecycle(store: &Store, input: PutBucketLifecycleConfigurationInput) -> S3Result<()> {
    let given = input.lifecycle_configuration.ok_or_else(|| S3Error::new(S3ErrorCode::MalformedXML))?.rules;
    let rules: Vec<Rule> =
        given.iter().enumerate().map(|(at, rule)| Rule::accept(rule, at + 1)).collect::<S3Result<_>>()?;
    let repeated = rules.iter().enumerate().any(|(at, rule)| rules[..at].iter().any(|other| other.id == rule.id));
    if rules.is_empty() || repeated {
        return Err(s3_error!(InvalidArgument, "rules have different names, and there is at least one"));
    }
    store.shelf.change_bucket(&input.bucket, |record| record.lifecycle = rules)
}

/// The lifecycle rules.
pub fn get_lifecycle(store: &Store, bucket: &str) -> S3Result<GetBucketLifecycleConfigurationOutput> {
    let rules = store.shelf.bucket(bucket)?.lifecycle;
    if rules.is_empty() {
        return Err(s3_error!(NoSuchLifecycleConfiguration));
    }
    let rules = Some(rules.iter().map(Rule::shown).collect());
    Ok(GetBucketLifecycleConfigurationOutput { rules, ..GetBucketLifecycleConfigurationOutput::default() })
}

/// Takes all lifecycle rules away.
pub fn delete_lifecycle(store: &Store, bucket: &str) -> S3Result<()> {
    store.shelf.change_bucket(bucket, |record| record.lifecycle.clear())
}

/// Sets the policy, if it is understood.
pub fn put_policy(store: &Store, input: PutBucketPolicyInput) -> S3Result<()> {
    Document::of_bucket(&input.policy, &input.bucket).map_err(|error| {
        let code = match error {
            PolicyError::Conditional => S3ErrorCode::NotImplemented,
            PolicyError::Malformed(_) | PolicyError::Misplaced(_) => S3ErrorCode::MalformedPolicy,
        };
        S3Error::with_message(code, error.to_string())
    })?;
    store.shelf.change_bucket(&input.bucket, |record| record.policy = Some(input.policy))
}

/// The policy as it was given.
pub fn get_policy(store: &Store, bucket: &str) -> S3Result<GetBucketPolicyOutput> {
    let policy = store.shelf.bucket(bucket)?.policy.ok_or_else(|| s3_error!(NoSuchBucketPolicy))?;
    Ok(GetBucketPolicyOutput { policy: Some(policy) })
}

/// Takes the policy away.
pub fn delete_policy(store: &Store, bucket: &str) -> S3Result<()> {
    store.shelf.change_bucket(bucket, |record| record.policy = None)
}

/// Has versions kept from now on, or no more.
pub fn put_versioning(store: &Store, input: PutBucketVersioningInput) -> S3Result<()> {
    let status = input.versioning_configuration.status;
    let versioning = match status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        _ => return Err(S3Error::new(S3ErrorCode::IllegalVersioningConfigurationException)),
    };
    store.shelf.change_bucket(&input.bucket, |record| record.versioning = versioning)
}

/// Whether versions are kept; nothing where that was never asked for.
pub fn get_versioning(store: &Store, bucket: &str) -> S3Result<GetBucketVersioningOutput> {
    let status = match store.shelf.bucket(bucket)?.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED)),
        Versioning::Suspended => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::SUSPENDED)),
    };
    Ok(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() })
}
