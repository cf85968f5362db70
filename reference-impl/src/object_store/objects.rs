//! Requests for objects: store, read, list, delete. Bytes are streamed both ways.

use std::collections::BTreeMap;

use futures_util::{Stream, StreamExt, TryStreamExt};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use roxmltree::Document;
use rusty_s3::Method;

use super::answers::{children, decoded, text};
use super::request::{Ask, BoxError};
use super::{ObjectStore, StoreError};

pub use bytes::Bytes;

/// What the store's own headers about an object begin with.
const METADATA: &str = "x-amz-meta-";

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Count of bytes.
    pub size: u64,
    /// When it was stored, as the store tells it.
    pub modified: String,
}

/// What is said about an object beside its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Its `x-amz-meta-…`, by the name behind that.
    pub metadata: BTreeMap<String, String>,
}

/// An object that is being read.
pub struct Fetched {
    /// Count of bytes.
    pub size: u64,
    /// What is said about it.
    pub described: Described,
    body: Incoming,
}

/// An object that is to be stored.
pub struct Upload<S> {
    /// Count of bytes.
    pub size: u64,
    /// What is said about it.
    pub described: Described,
    /// The bytes.
    pub bytes: S,
}

impl Fetched {
    /// Its bytes, piece by piece.
    pub fn bytes(self) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send {
        BodyStream::new(self.body)
            .try_filter_map(|frame| std::future::ready(Ok(frame.into_data().ok())))
            .map_err(std::io::Error::other)
    }
}

impl ObjectStore {
    /// Stores an object. The bucket is asked for before, so that nothing large is sent in vain.
    pub async fn put<S>(&self, bucket: &str, key: &str, upload: Upload<S>) -> Result<(), StoreError>
    where
        S: Stream<Item = Result<Bytes, BoxError>> + Send + Sync + 'static,
    {
        let ask = Ask::new("look for a bucket", Method::Head, bucket, "");
        self.call(&ask, Bytes::new()).await?;
        let mut ask = Ask::new("store an object", Method::Put, bucket, key);
        if let Some(content_type) = &upload.described.content_type {
            ask = ask.header(CONTENT_TYPE, content_type);
        }
        for (name, value) in &upload.described.metadata {
            if let Ok(name) = HeaderName::try_from(format!("{METADATA}{name}")) {
                ask = ask.header(name, value);
            }
        }
        let body = BodyExt::boxed(StreamBody::new(upload.bytes.map(|chunk| chunk.map(Frame::data))));
        self.send(&ask, upload.size, body).await.map(drop)
    }

    /// Reads an object, or one version of it.
    pub async fn get(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Fetched, StoreError> {
        let mut ask = Ask::new("read an object", Method::Get, bucket, key);
        if let Some(id) = version {
            ask = ask.query("versionId", id);
        }
        let answer = self.call(&ask, Bytes::new()).await?;
        let size =
            answer.headers().get(hyper::header::CONTENT_LENGTH).and_then(|size| size.to_str().ok()?.parse().ok());
        let size = size.ok_or_else(|| ask.garbled("it has no Content-Length"))?;
        let described = described(answer.headers());
        Ok(Fetched { size, described, body: answer.into_body() })
    }

    /// Whether there is such an object.
    pub async fn has(&self, bucket: &str, key: &str) -> Result<bool, StoreError> {
        let ask = Ask::new("look for an object", Method::Head, bucket, key);
        match self.call(&ask, Bytes::new()).await {
            Ok(_) => Ok(true),
            Err(error) if error.is("NoSuchKey") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes an object; one that is not there is no fault.
    pub async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        let ask = Ask::new("delete an object", Method::Delete, bucket, key);
        self.call(&ask, Bytes::new()).await.map(drop)
    }

    /// All objects whose keys begin with the prefix, by key.
    pub async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<Object>, StoreError> {
        let mut objects = Vec::new();
        let mut page: Option<String> = None;
        loop {
            let mut ask = Ask::new("list objects", Method::Get, bucket, "")
                .query("list-type", "2")
                .query("encoding-type", "url")
                .query("prefix", prefix);
            if let Some(token) = &page {
                ask = ask.query("continuation-token", token);
            }
            let answer = self.text(&ask, Bytes::new()).await?;
            let xml = Document::parse(&answer).map_err(|error| ask.garbled(error))?;
            objects.extend(children(xml.root_element(), "Contents").filter_map(object));
            let next = text(xml.root_element(), "NextContinuationToken");
            match next {
                Some(next) => page = Some(next),
                None => return Ok(objects),
            }
        }
    }
}

fn object(node: roxmltree::Node<'_, '_>) -> Option<Object> {
    Some(Object {
        key: decoded(&text(node, "Key")?),
        size: text(node, "Size")?.parse().ok()?,
        modified: text(node, "LastModified").unwrap_or_default(),
    })
}

fn described(headers: &HeaderMap) -> Described {
    let told = |(name, value): (&HeaderName, &hyper::header::HeaderValue)| {
        let name = name.as_str().strip_prefix(METADATA)?;
        Some((name.to_owned(), value.to_str().ok()?.to_owned()))
    };
    Described {
        content_type: headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned),
        metadata: headers.iter().filter_map(told).collect(),
    }
}
