//! What the file store lacks: lifecycle rules and policies of buckets. Everything else it does itself.

use super::policy::Policies;
use s3s::dto::*;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use s3s_fs::FileSystem;
use std::collections::HashMap;
use std::sync::Mutex;

/// A file store whose buckets have settings.
pub struct BucketSettings {
    files: FileSystem,
    lifecycles: Mutex<HashMap<String, LifecycleRules>>,
    policies: Policies,
}

impl BucketSettings {
    /// No bucket has any yet. The policies are shared with whoever enforces them.
    pub fn new(files: FileSystem, policies: Policies) -> BucketSettings {
        BucketSettings { files, lifecycles: Mutex::default(), policies }
    }

    fn lifecycles(&self) -> std::sync::MutexGuard<'_, HashMap<String, LifecycleRules>> {
        self.lifecycles.lock().expect("nobody panics while reading rules")
    }

    /// An error where there is no such bucket; the request comes back with its input.
    async fn existing<T>(&self, request: S3Request<T>, bucket: &str) -> S3Result<T> {
        let mut input = None;
        let bucket = bucket.to_owned();
        let head = request.map_input(|asked| {
            input = Some(asked);
            HeadBucketInput { bucket, ..HeadBucketInput::default() }
        });
        self.files.head_bucket(head).await?;
        Ok(input.expect("the closure has run"))
    }
}

/// Writes the implementation out: the methods that the file store answers, and those that follow as they are. The
/// attribute must stand inside, for it cannot see through a macro.
macro_rules! implement {
    (by the file store: { $($method:ident: $input:ty => $output:ty,)* } $($rest:tt)*) => {
        #[async_trait::async_trait]
        impl S3 for BucketSettings {
            $(
                async fn $method(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                    self.files.$method(request).await
                }
            )*
            $($rest)*
        }
    };
}

implement! {
    by the file store: {
        abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput,
        complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput,
        copy_object: CopyObjectInput => CopyObjectOutput,
        create_bucket: CreateBucketInput => CreateBucketOutput,
        create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput,
        delete_object: DeleteObjectInput => DeleteObjectOutput,
        delete_objects: DeleteObjectsInput => DeleteObjectsOutput,
        get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput,
        get_object: GetObjectInput => GetObjectOutput,
        head_bucket: HeadBucketInput => HeadBucketOutput,
        head_object: HeadObjectInput => HeadObjectOutput,
        list_buckets: ListBucketsInput => ListBucketsOutput,
        list_objects: ListObjectsInput => ListObjectsOutput,
        list_objects_v2: ListObjectsV2Input => ListObjectsV2Output,
        list_parts: ListPartsInput => ListPartsOutput,
        put_object: PutObjectInput => PutObjectOutput,
        upload_part: UploadPartInput => UploadPartOutput,
        upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput,
    }

    async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        let bucket = request.input.bucket.clone();
        let deleted = self.files.delete_bucket(request).await?;
        self.lifecycles().remove(&bucket);
        self.policies.remove(&bucket);
        Ok(deleted)
    }

    async fn put_bucket_lifecycle_configuration(
        &self,
        request: S3Request<PutBucketLifecycleConfigurationInput>,
    ) -> S3Result<S3Response<PutBucketLifecycleConfigurationOutput>> {
        let bucket = request.input.bucket.clone();
        let input = self.existing(request, &bucket).await?;
        let rules = input
            .lifecycle_configuration
            .ok_or_else(|| S3Error::new(S3ErrorCode::MalformedXML))?
            .rules;
        self.lifecycles().insert(bucket, rules);
        Ok(S3Response::new(PutBucketLifecycleConfigurationOutput::default()))
    }

    async fn get_bucket_lifecycle_configuration(
        &self,
        request: S3Request<GetBucketLifecycleConfigurationInput>,
    ) -> S3Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
        let bucket = request.input.bucket.clone();
        self.existing(request, &bucket).await?;
        let rules = self.lifecycles().get(&bucket).cloned();
        let rules = rules.ok_or_else(|| S3Error::new(S3ErrorCode::NoSuchLifecycleConfiguration))?;
        Ok(S3Response::new(GetBucketLifecycleConfigurationOutput {
            rules: Some(rules),
            ..GetBucketLifecycleConfigurationOutput::default()
        }))
    }

    async fn delete_bucket_lifecycle(
        &self,
        request: S3Request<DeleteBucketLifecycleInput>,
    ) -> S3Result<S3Response<DeleteBucketLifecycleOutput>> {
        let bucket = request.input.bucket.clone();
        self.existing(request, &bucket).await?;
        self.lifecycles().remove(&bucket);
        Ok(S3Response::new(DeleteBucketLifecycleOutput::default()))
    }

    async fn put_bucket_policy(
        &self,
        request: S3Request<PutBucketPolicyInput>,
    ) -> S3Result<S3Response<PutBucketPolicyOutput>> {
        let bucket = request.input.bucket.clone();
        let input = self.existing(request, &bucket).await?;
        self.policies
            .set(&bucket, &input.policy)
            .map_err(|why| S3Error::with_message(S3ErrorCode::MalformedPolicy, why))?;
        Ok(S3Response::new(PutBucketPolicyOutput::default()))
    }

    async fn get_bucket_policy(
        &self,
        request: S3Request<GetBucketPolicyInput>,
    ) -> S3Result<S3Response<GetBucketPolicyOutput>> {
        let bucket = request.input.bucket.clone();
        self.existing(request, &bucket).await?;
        let policy = self.policies.text(&bucket);
        let policy = policy.ok_or_else(|| S3Error::new(S3ErrorCode::NoSuchBucketPolicy))?;
        Ok(S3Response::new(GetBucketPolicyOutput {
            policy: Some(policy),
        }))
    }

    async fn delete_bucket_policy(
        &self,
        request: S3Request<DeleteBucketPolicyInput>,
    ) -> S3Result<S3Response<DeleteBucketPolicyOutput>> {
        let bucket = request.input.bucket.clone();
        self.existing(request, &bucket).await?;
        self.policies.remove(&bucket);
        Ok(S3Response::new(DeleteBucketPolicyOutput::default()))
    }
}
