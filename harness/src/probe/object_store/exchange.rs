//! One request to a store and its answer on the wire.

use super::{Signer, Store, archive};
use crate::check::{CannotLook, Live};
use crate::ledger::Thing;
use crate::probe::http::{LONGEST_TEXT, broken_off};
use crate::probe::unix_now;
use crate::target::{ObjectStoreAccess, StoreUser};
use crate::wire::{Answer, Breakage, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use percent_encoding::percent_decode_str;
use roxmltree::{Document, Node, ParsingOptions};
use rusty_s3::signing::sign;
use rusty_s3::{Bucket, Method, UrlStyle};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use std::time::Duration;
use url::Url;

/// How long the signature of a request that is sent at once holds.
const VALID: Duration = Duration::from_secs(60);
/// More of an answer is not read.
const LONGEST_ANSWER: usize = 8 << 20;

/// XML of more nodes is not taken apart.
const MOST_NODES: u32 = 100_000;
/// Nor is XML with an element of more attributes.
const MOST_ATTRIBUTES: usize = 200;

/// What an answer's XML says, as JSON.
pub(super) type Shape = fn(&Document<'_>) -> Value;

/// What is sent.
pub(super) struct Spec {
    pub store: Store,
    pub signer: Signer,
    pub method: &'static str,
    pub bucket: String,
    pub key: String,
    pub query: Vec<(&'static str, String)>,
    pub content: Content,
    pub reading: Reading,
}

/// How the body of a good answer is read.
#[derive(Clone, Copy)]
pub(super) enum Reading {
    /// As it is.
    Plain,
    /// As XML that says this.
    Xml(Shape),
    /// As the archive of a backup.
    Archive,
}

/// The body of a request.
#[derive(Clone)]
pub(super) enum Content {
    Nothing,
    Text(String),
    /// So many bytes that follow from the seed.
    Filler {
        seed: u8,
        bytes: usize,
    },
}

impl Content {
    /// In words for the evidence.
    fn shown(&self) -> Value {
        match self {
            Content::Nothing => Value::Null,
            Content::Text(text) => json!(text),
            Content::Filler { seed, bytes } => json!({"filler": seed, "bytes": bytes}),
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Content::Nothing => Vec::new(),
            Content::Text(text) => text.clone().into_bytes(),
            Content::Filler { seed, bytes } => filler(*seed, *bytes),
        }
    }
}

/// Bytes of every value, in an order that no two seeds share.
pub(super) fn filler(seed: u8, bytes: usize) -> Vec<u8> {
    let mut state = u32::from(seed).wrapping_mul(0x9e37_79b9) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Spec {
    pub(super) fn new(store: Store) -> Spec {
        Spec {
            store,
            signer: Signer::Owner,
            method: "GET",
            bucket: String::new(),
            key: String::new(),
            query: Vec::new(),
            content: Content::Nothing,
            reading: Reading::Plain,
        }
    }

    /// The question as evidence keeps it.
    pub(super) fn asked(&self) -> Value {
        let mut asked = json!({"store": store_name(self.store), "method": self.method, "by": signer_name(self.signer)});
        for (name, value) in [("bucket", &self.bucket), ("key", &self.key)] {
            if !value.is_empty() {
                asked[name] = json!(value);
            }
        }
        for (name, value) in &self.query {
            asked[*name] = json!(value);
        }
        let content = self.content.shown();
        if !content.is_null() {
            asked["content"] = content;
        }
        asked
    }
}

fn store_name(store: Store) -> &'static str {
    match store {
        Store::Main => "main",
        Store::Second => "second",
    }
}

pub(super) fn signer_name(signer: Signer) -> &'static str {
    match signer {
        Signer::Owner => "owner",
        Signer::User => "user",
        Signer::Nobody => "nobody",
        Signer::Impostor => "impostor",
    }
}

pub(super) fn cannot(reason: impl std::fmt::Display) -> CannotLook {
    CannotLook::new("s3", reason)
}

pub(super) fn access(live: &Live, store: Store) -> Result<&ObjectStoreAccess, CannotLook> {
    let access = match store {
        Store::Main => live.target.object_store.as_ref(),
        Store::Second => live.target.second_object_store.as_ref(),
    };
    access.ok_or_else(|| cannot("the target gives no access"))
}

/// The address of an object, a bucket or the store, without any signature.
pub(super) fn address(access: &ObjectStoreAccess, bucket: &str, key: &str) -> Result<Url, CannotLook> {
    let endpoint: Url = access.endpoint.parse().map_err(|error| cannot(format!("{}: {error}", access.endpoint)))?;
    if bucket.is_empty() {
        return Ok(endpoint);
    }
    if key.is_empty() {
        return endpoint.join(bucket).map_err(cannot);
    }
    let bucket = Bucket::new(endpoint, UrlStyle::Path, bucket.to_owned(), access.region.clone()).map_err(cannot)?;
    Ok(bucket.object_url(key))
}

/// The address with a signature in its query, made now on the store's clock.
pub(super) fn signed(
    live: &Live,
    access: &ObjectStoreAccess,
    signer: Signer,
    (method, url): (&str, Url),
    query: &[(&'static str, String)],
    valid: Duration,
) -> Result<Url, CannotLook> {
    let (key, secret) = match (signer, &access.user) {
        (Signer::Nobody, _) => {
            let mut url = url;
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            return Ok(url);
        }
        (Signer::Owner, _) => (access.access_key.as_str(), access.secret_key.expose()),
        (Signer::Impostor, _) => (access.access_key.as_str(), "not the key of this store, surely"),
        (Signer::User, Some(StoreUser { access_key, secret_key })) => (access_key.as_str(), secret_key.expose()),
        (Signer::User, None) => return Err(cannot("the target names no user of the store")),
    };
    let method = match method {
        "HEAD" => Method::Head,
        "PUT" => Method::Put,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        _ => Method::Get,
    };
    let seconds = if access.clock { unix_now(live) } else { chrono::Utc::now().timestamp_micros() as f64 / 1e6 };
    let now = jiff::Timestamp::from_second(seconds as i64).map_err(cannot)?;
    let mut query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    query.sort_unstable();
    let (region, valid) = (access.region.as_str(), valid.as_secs());
    let no_headers = std::iter::empty();
    Ok(sign(&now, method, url, key, secret, None, region, valid, query.into_iter(), no_headers))
}

/// Sends and waits; whatever comes back, or does not, is an observation.
pub(super) async fn exchange(live: &Live, spec: &Spec) -> Result<Value, CannotLook> {
    let access = access(live, spec.store)?;
    let url = address(access, &spec.bucket, &spec.key)?;
    let url = signed(live, access, spec.signer, (spec.method, url), &spec.query, VALID)?;
    send(live, spec.method, url, spec.content.bytes(), spec.reading).await
}

/// Sends to an address that is signed already, or on purpose not.
pub(super) async fn send(
    live: &Live,
    method: &str,
    url: Url,
    body: Vec<u8>,
    reading: Reading,
) -> Result<Value, CannotLook> {
    if live.target_is_gone().await {
        return Err(cannot(live.pulse.epitaph()));
    }
    if method == "PUT" {
        live.note(made(live, &url), None, None)?;
    }
    let mut request = live.http.request(method, url.as_str());
    if matches!(method, "PUT" | "POST") {
        // MinIO insists on it for settings of buckets.
        request = request.header("content-md5", &STANDARD.encode(Md5::digest(&body))).body(body);
    }
    let seen = match tokio::time::timeout(live.patience.answer, receive(request, reading)).await {
        Ok(seen) => seen,
        Err(_) => json!({"silence": Breakage::Late.to_string()}),
    };
    match seen["silence"].as_str() {
        Some(silence) if seen.get("broken_off").is_none() => live.pulse.miss(silence),
        _ => live.pulse.beat(),
    }
    Ok(seen)
}

/// What a PUT to this address makes, for the ledger of a run on somebody else's system.
fn made(live: &Live, url: &Url) -> Option<Thing> {
    let endpoint: Url = live.target.object_store.as_ref()?.endpoint.parse().ok()?;
    if url.origin() != endpoint.origin() {
        return None;
    }
    let path = url.path().strip_prefix(endpoint.path().trim_end_matches('/'))?.trim_start_matches('/');
    match path.split_once('/').filter(|(_, key)| !key.is_empty()) {
        Some((bucket, key)) => Thing::object(bucket, &percent_decode_str(key).decode_utf8_lossy()),
        None => Thing::bucket(path.trim_end_matches('/')),
    }
}

async fn receive(request: Request, reading: Reading) -> Value {
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return json!({"silence": error.to_string()}),
    };
    let told = ["content-type", "content-length", "etag", "x-amz-version-id", "x-amz-delete-marker"];
    let headers: Map<String, Value> =
        told.into_iter().filter_map(|name| Some((name.to_owned(), response.header(name)?.into()))).collect();
    let mut seen = json!({"status": response.status().as_u16(), "headers": headers});
    if let Some(age) = age(&response) {
        seen["age_s"] = json!(age);
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(_)) if body.len() > LONGEST_ANSWER => {
                seen["cut"] = json!(format!("only about the first {LONGEST_ANSWER} bytes were read"));
                break;
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return broken_off(error, seen),
        }
    }
    describe(&mut seen, &body, reading);
    seen
}

/// How old an object is, by the store's own clock.
fn age(answer: &Answer) -> Option<i64> {
    let moment = |name| chrono::DateTime::parse_from_rfc2822(answer.header(name)?).ok();
    Some((moment("date")? - moment("last-modified")?).num_seconds())
}

/// What is kept of a body: the text if it is short, else its size and hash; of XML, the error or what it tells.
fn describe(seen: &mut Value, body: &[u8], reading: Reading) {
    seen["bytes"] = json!(body.len());
    seen["sha256"] = json!(sha256(body));
    if let (Reading::Archive, Some(200)) = (reading, seen["status"].as_u64()) {
        seen["found"] = archive::entries(body);
        return;
    }
    let Some(text) = std::str::from_utf8(body).ok().filter(|text| text.len() <= 1024 * LONGEST_TEXT) else {
        return;
    };
    // What an element costs grows with the square of its attributes.
    let bearable = text.split('<').all(|tag| tag.matches('=').count() <= MOST_ATTRIBUTES);
    // No DTD, and so no entities of the target's own.
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let xml = bearable.then(|| Document::parse_with_options(text, options).ok()).flatten();
    match (xml, reading) {
        (Some(xml), _) if xml.root_element().has_tag_name("Error") => {
            seen["code"] = json!(text_of(xml.root_element(), "Code"));
        }
        (Some(xml), Reading::Xml(shape)) => seen["found"] = shape(&xml),
        _ if text.len() <= LONGEST_TEXT => seen["body"] = json!(text),
        _ => {}
    }
}

/// The children of a node with this name, whatever its namespace.
pub(super) fn children<'a, 'input>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.tag_name().name() == name)
}

/// The text of the first child with this name.
pub(super) fn text_of(node: Node<'_, '_>, name: &'static str) -> Option<String> {
    children(node, name).next().map(|child| child.text().unwrap_or_default().to_owned())
}

/// The same as a number.
pub(super) fn number_of(node: Node<'_, '_>, name: &'static str) -> Option<i64> {
    text_of(node, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fillers_follow_from_their_seed_and_differ() {
        assert_eq!(filler(1, 100), filler(1, 100));
        assert_ne!(filler(1, 100), filler(2, 100));
        assert_eq!(filler(1, 5000).len(), 5000);
    }

    #[test]
    fn an_element_of_a_hundred_thousand_attributes_holds_nobody_up() {
        let attributes: String = (0..100_000).map(|nth| format!(" x{nth}='>'")).collect();
        let mut seen = json!({});
        let began = std::time::Instant::now();
        describe(&mut seen, format!("<a{attributes}/>").as_bytes(), Reading::Xml(|_| json!("read")));
        assert!(seen["found"].is_null() && began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
        describe(&mut seen, b"<a b='1' c = '2'>x=y</a>", Reading::Xml(|_| json!("read")));
        assert_eq!(seen["found"], "read");
    }

    #[test]
    fn an_error_is_seen_by_its_code_and_a_text_as_it_is() {
        let mut seen = json!({});
        describe(&mut seen, b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", Reading::Plain);
        assert_eq!(seen["code"], "AccessDenied");
        let mut seen = json!({});
        describe(&mut seen, b"hello", Reading::Plain);
        assert_eq!((&seen["body"], &seen["bytes"]), (&json!("hello"), &json!(5)));
    }
}
