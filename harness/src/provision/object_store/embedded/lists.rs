//! Requests for lists: of objects in both dialects, and of versions.

use super::listing::{Asked, Page, encoded, page};
use super::objects::modified;
use super::records::Version;
use super::store::Store;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

/// No page has more entries.
const LONGEST_PAGE: i32 = 1000;

/// Objects from a marker on.
pub fn objects(store: &Store, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
    let input = request.input;
    let (asked, most) = asked(input.prefix.as_ref(), input.delimiter.as_ref(), input.marker.clone(), input.max_keys)?;
    let encode = is_url(input.encoding_type.as_ref());
    let listed = latest(store, &input.bucket)?;
    let page = page(listed.iter().map(|version| (version.key.as_str(), version)), &asked);
    let next = page.next.as_ref().filter(|_| most > 0);
    Ok(S3Response::new(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encoded(&asked.prefix, encode)),
        marker: Some(encoded(&asked.after, encode)),
        max_keys: Some(most),
        is_truncated: Some(next.is_some()),
        next_marker: next.map(|next| encoded(next, encode)),
        contents: Some(contents(&page, encode)),
        common_prefixes: Some(prefixes(&page, encode)),
        delimiter: input.delimiter.map(|delimiter| encoded(&delimiter, encode)),
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    }))
}

/// Objects, page by page.
pub fn objects_v2(store: &Store, request: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
    let input = request.input;
    let after = input.continuation_token.clone().or(input.start_after.clone());
    let (asked, most) = asked(input.prefix.as_ref(), input.delimiter.as_ref(), after, input.max_keys)?;
    let encode = is_url(input.encoding_type.as_ref());
    let listed = latest(store, &input.bucket)?;
    let page = page(listed.iter().map(|version| (version.key.as_str(), version)), &asked);
    let next = page.next.clone().filter(|_| most > 0);
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encoded(&asked.prefix, encode)),
        max_keys: Some(most),
        key_count: i32::try_from(page.entries.len() + page.prefixes.len()).ok(),
        is_truncated: Some(next.is_some()),
        continuation_token: input.continuation_token,
        next_continuation_token: next,
        contents: Some(contents(&page, encode)),
        common_prefixes: Some(prefixes(&page, encode)),
        delimiter: input.delimiter.map(|delimiter| encoded(&delimiter, encode)),
        encoding_type: input.encoding_type,
        start_after: input.start_after,
        ..ListObjectsV2Output::default()
    }))
}

/// All versions and marks of deletion of the objects, in one list that holds each key whole.
pub fn versions(
    store: &Store,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    let input = request.input;
    let (asked, most) =
        asked(input.prefix.as_ref(), input.delimiter.as_ref(), input.key_marker.clone(), input.max_keys)?;
    let encode = is_url(input.encoding_type.as_ref());
    let all = store.shelf.versions(&input.bucket)?;
    let page = page(all.iter().map(|(key, versions)| (key.as_str(), versions)), &asked);
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    for (key, of_key) in &page.entries {
        for (place, version) in of_key.iter().rev().enumerate() {
            let (key, id) = (Some(encoded(key, encode)), Some(version.id.clone()));
            let (is_latest, last_modified) = (Some(place == 0), Some(modified(version)));
            match &version.content {
                Some(content) => versions.push(ObjectVersion {
                    key,
                    version_id: id,
                    is_latest,
                    last_modified,
                    e_tag: Some(ETag::Strong(content.e_tag.clone())),
                    size: i64::try_from(content.size).ok(),
                    ..ObjectVersion::default()
                }),
                None => markers.push(DeleteMarkerEntry { key, version_id: id, is_latest, last_modified, owner: None }),
            }
        }
    }
    let next = page.next.as_ref().filter(|_| most > 0);
    Ok(S3Response::new(ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: Some(encoded(&asked.prefix, encode)),
        max_keys: Some(most),
        is_truncated: Some(next.is_some()),
        key_marker: input.key_marker,
        next_key_marker: next.map(|next| encoded(next, encode)),
        versions: Some(versions),
        delete_markers: Some(markers),
        common_prefixes: Some(prefixes(&page, encode)),
        delimiter: input.delimiter.map(|delimiter| encoded(&delimiter, encode)),
        encoding_type: input.encoding_type,
        ..ListObjectVersionsOutput::default()
    }))
}

/// The latest version of each key that is not deleted.
fn latest(store: &Store, bucket: &str) -> S3Result<Vec<Version>> {
    let all = store.shelf.versions(bucket)?.into_values();
    Ok(all.filter_map(|mut versions| versions.pop()).filter(|version| version.content.is_some()).collect())
}

fn asked(
    prefix: Option<&Prefix>,
    delimiter: Option<&Delimiter>,
    after: Option<String>,
    most: Option<i32>,
) -> S3Result<(Asked, i32)> {
    let most = most.unwrap_or(LONGEST_PAGE).min(LONGEST_PAGE);
    let asked = Asked {
        prefix: prefix.cloned().unwrap_or_default(),
        delimiter: delimiter.cloned(),
        after: after.unwrap_or_default(),
        most: usize::try_from(most).map_err(|_| s3_error!(InvalidArgument, "max-keys is at least 0"))?,
    };
    Ok((asked, most))
}

fn contents(page: &Page<'_, &Version>, encode: bool) -> Vec<Object> {
    let object = |(key, version): &(&str, &Version)| Object {
        key: Some(encoded(key, encode)),
        last_modified: Some(modified(version)),
        e_tag: version.content.as_ref().map(|content| ETag::Strong(content.e_tag.clone())),
        size: i64::try_from(version.size()).ok(),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Object::default()
    };
    page.entries.iter().map(object).collect()
}

fn prefixes<T>(page: &Page<'_, T>, encode: bool) -> Vec<CommonPrefix> {
    let shown = page.prefixes.iter().map(|prefix| encoded(prefix, encode));
    shown.map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect()
}

fn is_url(encoding: Option<&EncodingType>) -> bool {
    encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL)
}
