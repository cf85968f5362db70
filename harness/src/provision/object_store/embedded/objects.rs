//! Requests for single objects: store, read, copy, delete.

use super::body::{self, Claims, hex};
use super::records::{Content, Described, Version};
use super::shelf::Deleted;
use super::store::Store;
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use std::io::SeekFrom;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

/// How much of a file is read at a time.
const CHUNK: usize = 64 << 10;

/// `null` is told only where a bucket has ever kept versions; else there is nothing to tell.
fn told_version(store: &Store, bucket: &str, id: &str) -> S3Result<Option<String>> {
    let versioned = store.shelf.bucket(bucket)?.versioning != super::records::Versioning::Never;
    Ok(versioned.then(|| id.to_owned()))
}

/// Stores an object.
pub async fn put(store: &Store, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
    let input = request.input;
    // Lest the bytes be sent for nothing.
    store.shelf.bucket(&input.bucket)?;
    let claims = Claims {
        size: input.content_length,
        md5: input.content_md5,
        sums: Checksum {
            checksum_crc32: input.checksum_crc32,
            checksum_crc32c: input.checksum_crc32c,
            checksum_crc64nvme: input.checksum_crc64nvme,
            checksum_sha1: input.checksum_sha1,
            checksum_sha256: input.checksum_sha256,
            ..Checksum::default()
        },
    };
    let described = Described {
        content_type: input.content_type,
        cache_control: input.cache_control,
        content_disposition: input.content_disposition,
        content_encoding: input.content_encoding,
        content_language: input.content_language,
        metadata: input.metadata,
    };
    let received = body::receive(&store.shelf, input.body, claims).await?;
    let content = Content { file: String::new(), size: received.size, e_tag: hex(&received.md5), described };
    let place = (input.bucket.as_str(), input.key.as_str());
    let only_new = matches!(input.if_none_match, Some(ETagCondition::Any));
    let version = store.shelf.put(place, &received.file, content, store.clock.now(), only_new)?;
    Ok(S3Response::new(PutObjectOutput {
        e_tag: version.content.as_ref().map(|content| ETag::Strong(content.e_tag.clone())),
        version_id: told_version(store, &input.bucket, &version.id)?,
        ..PutObjectOutput::default()
    }))
}

/// The version that is asked for, and its content. A mark of deletion has none, and is answered as S3 does.
fn content_of(store: &Store, bucket: &str, key: &str, version: Option<&str>) -> S3Result<(Version, Content)> {
    let found = store.shelf.find(bucket, key, version)?;
    if let Some(content) = found.content.clone() {
        return Ok((found, content));
    }
    let mut error = S3Error::new(match version {
        Some(_) => S3ErrorCode::MethodNotAllowed,
        None => S3ErrorCode::NoSuchKey,
    });
    let mut headers = hyper::HeaderMap::new();
    headers.insert("x-amz-delete-marker", hyper::header::HeaderValue::from_static("true"));
    error.set_headers(headers);
    Err(error)
}

/// Reads an object, or a range of it.
pub async fn get(store: &Store, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
    let input = request.input;
    let (version, content) = content_of(store, &input.bucket, &input.key, input.version_id.as_deref())?;
    let mut file = tokio::fs::File::open(store.shelf.file(&content)).await.map_err(S3Error::internal_error)?;
    let range = input.range.map(|range| range.check(content.size)).transpose()?;
    let (start, length) = range.as_ref().map_or((0, content.size), |range| (range.start, range.end - range.start));
    file.seek(SeekFrom::Start(start)).await.map_err(S3Error::internal_error)?;
    let bytes = ReaderStream::with_capacity(file.take(length), CHUNK);
    let described = content.described;
    Ok(S3Response::new(GetObjectOutput {
        accept_ranges: Some("bytes".into()),
        body: Some(StreamingBlob::wrap(bytes)),
        content_length: i64::try_from(length).ok(),
        content_range: range.map(|range| format!("bytes {}-{}/{}", range.start, range.end - 1, content.size)),
        e_tag: Some(ETag::Strong(content.e_tag)),
        last_modified: Some(modified(&version)),
        version_id: told_version(store, &input.bucket, &version.id)?,
        content_type: described.content_type,
        cache_control: described.cache_control,
        content_disposition: described.content_disposition,
        content_encoding: described.content_encoding,
        content_language: described.content_language,
        metadata: described.metadata,
        ..GetObjectOutput::default()
    }))
}

/// What is known of an object, without its bytes.
pub fn head(store: &Store, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
    let input = request.input;
    let (version, content) = content_of(store, &input.bucket, &input.key, input.version_id.as_deref())?;
    let described = content.described;
    Ok(S3Response::new(HeadObjectOutput {
        accept_ranges: Some("bytes".into()),
        content_length: i64::try_from(content.size).ok(),
        e_tag: Some(ETag::Strong(content.e_tag)),
        last_modified: Some(modified(&version)),
        version_id: told_version(store, &input.bucket, &version.id)?,
        content_type: described.content_type,
        cache_control: described.cache_control,
        content_disposition: described.content_disposition,
        content_encoding: described.content_encoding,
        content_language: described.content_language,
        metadata: described.metadata,
        ..HeadObjectOutput::default()
    }))
}

/// Copies an object within the store.
pub async fn copy(store: &Store, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
    let sender = request.credentials;
    let input = request.input;
    let CopySource::Bucket { bucket, key, version_id } = &input.copy_source else {
        return Err(s3_error!(NotImplemented, "objects are copied from buckets here"));
    };
    store.insist(sender.as_ref(), "s3:GetObject", bucket, key)?;
    let (_, content) = content_of(store, bucket, key, version_id.as_deref())?;
    let place = store.shelf.place();
    tokio::fs::copy(store.shelf.file(&content), &place).await.map_err(S3Error::internal_error)?;
    let replaces = input.metadata_directive.is_some_and(|how| how.as_str() == MetadataDirective::REPLACE);
    let described = if replaces {
        Described {
            content_type: input.content_type,
            cache_control: input.cache_control,
            content_disposition: input.content_disposition,
            content_encoding: input.content_encoding,
            content_language: input.content_language,
            metadata: input.metadata,
        }
    } else {
        content.described.clone()
    };
    let content = Content { described, ..content };
    let target = (input.bucket.as_str(), input.key.as_str());
    let version = store.shelf.put(target, &place, content, store.clock.now(), false);
    let version = version.inspect_err(|_| {
        let _ = std::fs::remove_file(&place);
    })?;
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: version.content.as_ref().map(|content| ETag::Strong(content.e_tag.clone())),
            last_modified: Some(modified(&version)),
            ..CopyObjectResult::default()
        }),
        version_id: told_version(store, &input.bucket, &version.id)?,
        ..CopyObjectOutput::default()
    }))
}

/// Deletes an object or one version of it.
pub fn delete(store: &Store, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
    let input = request.input;
    let now = store.clock.now();
    let Deleted { version, is_marker } =
        store.shelf.delete(&input.bucket, &input.key, input.version_id.as_deref(), now)?;
    Ok(S3Response::new(DeleteObjectOutput {
        delete_marker: is_marker.then_some(true),
        version_id: version,
        ..DeleteObjectOutput::default()
    }))
}

/// Deletes several objects; each that may not be deleted is told as an error of its own.
pub fn delete_several(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let (sender, input) = (request.credentials, request.input);
    store.shelf.bucket(&input.bucket)?;
    let now = store.clock.now();
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for ObjectIdentifier { key, version_id, .. } in input.delete.objects {
        let action = if version_id.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
        let done = store
            .insist(sender.as_ref(), action, &input.bucket, &key)
            .and_then(|()| store.shelf.delete(&input.bucket, &key, version_id.as_deref(), now));
        match done {
            Ok(Deleted { version, is_marker }) => deleted.push(DeletedObject {
                key: Some(key),
                delete_marker: is_marker.then_some(true),
                delete_marker_version_id: version.filter(|_| is_marker),
                version_id,
            }),
            Err(error) => errors.push(Error {
                code: Some(error.code().as_str().to_owned()),
                message: error.message().map(str::to_owned),
                key: Some(key),
                version_id,
            }),
        }
    }
    let quiet = input.delete.quiet == Some(true);
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: Some(errors),
        ..DeleteObjectsOutput::default()
    }))
}

/// When a version was written.
pub fn modified(version: &Version) -> Timestamp {
    std::time::SystemTime::from(version.modified).into()
}
