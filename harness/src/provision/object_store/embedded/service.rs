//! The S3 protocol on one side, the store on the other: each operation handed to where it is done.

use super::store::Store;
use super::{lists, objects, settings, uploads};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

/// Writes the implementation out. The attribute must stand inside, for it cannot see through a macro.
macro_rules! implement {
    ($($method:ident: $input:ty => $output:ty, $store:ident $request:ident $done:expr;)*) => {
        #[async_trait::async_trait]
        impl S3 for Store {
            $(
                async fn $method(&self, $request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                    let $store = self;
                    $done
                }
            )*
        }
    };
}

/// The answer of an operation that says no more than that it was done.
fn done<T: Default>(outcome: S3Result<()>) -> S3Result<S3Response<T>> {
    outcome.map(|()| S3Response::new(T::default()))
}

implement! {
    list_buckets: ListBucketsInput => ListBucketsOutput,
        store _request Ok(settings::list(store));
    create_bucket: CreateBucketInput => CreateBucketOutput,
        store request settings::create(store, request);
    head_bucket: HeadBucketInput => HeadBucketOutput,
        store request done(store.shelf.bucket(&request.input.bucket).map(drop));
    delete_bucket: DeleteBucketInput => DeleteBucketOutput,
        store request done(store.shelf.delete_bucket(&request.input.bucket));
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput,
        store request done(store.shelf.bucket(&request.input.bucket).map(drop));
    put_bucket_lifecycle_configuration:
        PutBucketLifecycleConfigurationInput => PutBucketLifecycleConfigurationOutput,
        store request done(settings::put_lifecycle(store, request.input));
    get_bucket_lifecycle_configuration:
        GetBucketLifecycleConfigurationInput => GetBucketLifecycleConfigurationOutput,
        store request settings::get_lifecycle(store, &request.input.bucket).map(S3Response::new);
    delete_bucket_lifecycle: DeleteBucketLifecycleInput => DeleteBucketLifecycleOutput,
        store request done(settings::delete_lifecycle(store, &request.input.bucket));
    put_bucket_policy: PutBucketPolicyInput => PutBucketPolicyOutput,
        store request done(settings::put_policy(store, request.input));
    get_bucket_policy: GetBucketPolicyInput => GetBucketPolicyOutput,
        store request settings::get_policy(store, &request.input.bucket).map(S3Response::new);
    delete_bucket_policy: DeleteBucketPolicyInput => DeleteBucketPolicyOutput,
        store request done(settings::delete_policy(store, &request.input.bucket));
    put_bucket_versioning: PutBucketVersioningInput => PutBucketVersioningOutput,
        store request done(settings::put_versioning(store, request.input));
    get_bucket_versioning: GetBucketVersioningInput => GetBucketVersioningOutput,
        store request settings::get_versioning(store, &request.input.bucket).map(S3Response::new);
    list_objects: ListObjectsInput => ListObjectsOutput,
        store request lists::objects(store, request);
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output,
        store request lists::objects_v2(store, request);
    list_object_versions: ListObjectVersionsInput => ListObjectVersionsOutput,
        store request lists::versions(store, request);
    put_object: PutObjectInput => PutObjectOutput,
        store request objects::put(store, request).await;
    get_object: GetObjectInput => GetObjectOutput,
        store request objects::get(store, request).await;
    head_object: HeadObjectInput => HeadObjectOutput,
        store request objects::head(store, request);
    copy_object: CopyObjectInput => CopyObjectOutput,
        store request objects::copy(store, request).await;
    delete_object: DeleteObjectInput => DeleteObjectOutput,
        store request objects::delete(store, request);
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput,
        store request objects::delete_several(store, request);
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput,
        store request uploads::create(store, request);
    upload_part: UploadPartInput => UploadPartOutput,
        store request uploads::part(store, request).await;
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput,
        store request uploads::complete(store, request).await;
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput,
        store request done(uploads::abort(store, &request.input));
    list_parts: ListPartsInput => ListPartsOutput,
        store request uploads::list_parts(store, request.input).map(S3Response::new);
}
