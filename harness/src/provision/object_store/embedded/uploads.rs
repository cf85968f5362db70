//! Uploads in parts: begun, sent piece by piece, put together or given up. What is under way does not outlive the store.

use super::body::{self, Claims, Received, hex};
use super::records::{Content, Described};
use super::store::Store;
use crate::provision::random;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

/// The smallest part that is not the last.
const SMALLEST_PART: u64 = 5 << 20;

/// All that are under way.
#[derive(Debug, Default)]
pub struct Uploads(Mutex<HashMap<String, Upload>>);

#[derive(Debug, Clone)]
struct Upload {
    bucket: String,
    key: String,
    described: Described,
    parts: BTreeMap<i32, Arc<Received>>,
}

impl Uploads {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.0.lock().expect("nothing panics while it holds this lock")
    }

    /// The upload of this id, if it is for this object.
    fn find(&self, id: &str, bucket: &str, key: &str) -> S3Result<Upload> {
        let found = self.all().get(id).filter(|upload| upload.bucket == bucket && upload.key == key).cloned();
        found.ok_or_else(|| s3_error!(NoSuchUpload))
    }
}

/// Begins an upload.
pub fn create(
    store: &Store,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let input = request.input;
    store.shelf.bucket(&input.bucket)?;
    let described = Described {
        content_type: input.content_type,
        cache_control: input.cache_control,
        content_disposition: input.content_disposition,
        content_encoding: input.content_encoding,
        content_language: input.content_language,
        metadata: input.metadata,
    };
    let upload = Upload { bucket: input.bucket.clone(), key: input.key.clone(), described, parts: BTreeMap::new() };
    let id = random::hex(16);
    store.uploads.all().insert(id.clone(), upload);
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        ..CreateMultipartUploadOutput::default()
    }))
}

/// Takes a part in; a part of the same number is replaced.
pub async fn part(store: &Store, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
    let input = request.input;
    store.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
    if !(1..=10_000).contains(&input.part_number) {
        return Err(s3_error!(InvalidArgument, "parts are numbered from 1 to 10000"));
    }
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
    let received = Arc::new(body::receive(&store.shelf, input.body, claims).await?);
    let e_tag = hex(&received.md5);
    let mut all = store.uploads.all();
    // It may have been given up meanwhile.
    let upload = all.get_mut(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
    upload.parts.insert(input.part_number, received);
    Ok(S3Response::new(UploadPartOutput { e_tag: Some(ETag::Strong(e_tag)), ..UploadPartOutput::default() }))
}

/// Puts the named parts together.
pub async fn complete(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let input = request.input;
    let upload = store.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
    let named = input.multipart_upload.and_then(|named| named.parts).unwrap_or_default();
    let parts = chosen(&upload, &named)?;
    let mut md5 = Md5::new();
    parts.iter().for_each(|part| md5.update(&part.md5));
    let e_tag = format!("{}-{}", hex(md5.finalize().as_ref()), parts.len());
    let size = parts.iter().map(|part| part.size).sum();
    let place = store.shelf.place();
    join(&parts, place.clone()).await?;
    let content = Content { file: String::new(), size, e_tag: e_tag.clone(), described: upload.described };
    let target = (input.bucket.as_str(), input.key.as_str());
    let version = store.shelf.put(target, &place, content, store.clock.now(), false);
    let version = version.inspect_err(|_| {
        let _ = std::fs::remove_file(&place);
    })?;
    store.uploads.all().remove(&input.upload_id);
    let keeps = store.shelf.bucket(&input.bucket)?.versioning != super::records::Versioning::Never;
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(e_tag)),
        version_id: keeps.then_some(version.id),
        ..CompleteMultipartUploadOutput::default()
    }))
}

/// The parts that are named, which must be there, in order, and large enough.
fn chosen(upload: &Upload, named: &[CompletedPart]) -> S3Result<Vec<Arc<Received>>> {
    let mut parts = Vec::new();
    let mut before = 0;
    for part in named {
        let number = part.part_number.unwrap_or_default();
        if number <= before {
            return Err(s3_error!(InvalidPartOrder));
        }
        before = number;
        let found = upload.parts.get(&number).ok_or_else(|| s3_error!(InvalidPart))?;
        if part.e_tag.as_ref().is_some_and(|e_tag| e_tag.value() != hex(&found.md5)) {
            return Err(s3_error!(InvalidPart));
        }
        parts.push(found.clone());
    }
    match parts.split_last() {
        None => Err(s3_error!(MalformedXML)),
        Some((_, others)) if others.iter().any(|part| part.size < SMALLEST_PART) => Err(s3_error!(EntityTooSmall)),
        Some(_) => Ok(parts),
    }
}

/// Writes the parts one after another; the files are large, so not on a thread that serves others.
async fn join(parts: &[Arc<Received>], place: PathBuf) -> S3Result<()> {
    let files: Vec<PathBuf> = parts.iter().map(|part| part.file.clone()).collect();
    let joined = tokio::task::spawn_blocking(move || {
        let mut whole = std::fs::File::create(place)?;
        for file in files {
            std::io::copy(&mut std::fs::File::open(file)?, &mut whole)?;
        }
        Ok::<_, std::io::Error>(())
    });
    joined.await.map_err(S3Error::internal_error)?.map_err(S3Error::internal_error)
}

/// Gives an upload up; its parts go with it.
pub fn abort(store: &Store, input: &AbortMultipartUploadInput) -> S3Result<()> {
    store.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
    store.uploads.all().remove(&input.upload_id);
    Ok(())
}

/// The parts that are there.
pub fn list_parts(store: &Store, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let upload = store.uploads.find(&input.upload_id, &input.bucket, &input.key)?;
    let parts = upload.parts.iter().map(|(number, part)| Part {
        part_number: Some(*number),
        e_tag: Some(ETag::Strong(hex(&part.md5))),
        size: i64::try_from(part.size).ok(),
        ..Part::default()
    });
    Ok(ListPartsOutput {
        parts: Some(parts.collect()),
        is_truncated: Some(false),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        ..ListPartsOutput::default()
    })
}
