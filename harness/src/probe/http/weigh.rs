//! Bodies by weight: what is sent counts by its size alone, what comes back by its bytes on the wire and once decoded.

use super::json;
use crate::wire::Request;
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::Read;

/// More of a body that is weighed is not read.
pub(super) const HEAVIEST_BODY: usize = 16 << 20;
/// More is not decoded: a small body can stand for an endless one.
const LARGEST_DECODED: u64 = 16 << 20;
/// A list or a text that is longer stands in evidence as its length and digest.
const LONGEST_KEPT: usize = 64;

/// A body of so many bytes, made when it is sent.
#[derive(Clone, Copy)]
pub(crate) struct Filler {
    /// How many.
    pub bytes: usize,
    /// Whether its length is told beforehand; else it comes in chunks.
    pub announced: bool,
}

impl Filler {
    /// The question as evidence keeps it.
    pub fn asked(self) -> Value {
        json!({"bytes": self.bytes, "in chunks": !self.announced})
    }

    /// Puts it into a request.
    pub fn put(self, request: Request) -> Request {
        let request = request.header("content-type", "application/octet-stream");
        // Letters that repeat after a prime number of bytes, so that a block lost or doubled is no even loss.
        let bytes: Vec<u8> = (0..self.bytes).map(|at| b'a' + (at % 23) as u8).collect();
        if self.announced {
            return request.body(bytes);
        }
        request.chunks(bytes.chunks(10_007).map(<[u8]>::to_vec).collect())
    }
}

/// What there is to say of a body: `wire_bytes`, `body_bytes` once decoded, and `body`, in which long lists and texts
/// stand as `{"of": how many, "sha256": …}`. A body that cannot be decoded has `undecodable` in place of the latter.
pub(super) fn weigh(wire: &[u8], encoding: Option<&str>) -> Value {
    let decoded = match encoding.map(str::to_ascii_lowercase).as_deref() {
        None | Some("identity" | "") => Ok(wire.to_vec()),
        Some("gzip" | "x-gzip") => unpack(wire),
        Some(other) => Err(format!("its encoding is {other:?}")),
    };
    let decoded = match decoded {
        Ok(decoded) => decoded,
        Err(why) => return json!({"wire_bytes": wire.len(), "undecodable": why}),
    };
    let body = json::read(&decoded).unwrap_or_else(|| String::from_utf8_lossy(&decoded).into());
    json!({"wire_bytes": wire.len(), "body_bytes": decoded.len(), "body": shortened(body)})
}

fn unpack(wire: &[u8]) -> Result<Vec<u8>, String> {
    let mut decoded = Vec::new();
    let mut decoder = MultiGzDecoder::new(wire).take(LARGEST_DECODED + 1);
    decoder.read_to_end(&mut decoded).map_err(|error| format!("it is no whole gzip: {error}"))?;
    if decoded.len() as u64 > LARGEST_DECODED {
        return Err(format!("it unpacks to more than {LARGEST_DECODED} bytes"));
    }
    Ok(decoded)
}

fn shortened(value: Value) -> Value {
    match value {
        Value::Array(items) if items.len() > LONGEST_KEPT => stand_in(items.len(), &json!(items).to_string()),
        Value::String(text) if text.len() > 16 * LONGEST_KEPT => stand_in(text.len(), &text),
        Value::Array(items) => items.into_iter().map(shortened).collect(),
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (key, shortened(value))).collect(),
        other => other,
    }
}

fn stand_in(of: usize, text: &str) -> Value {
    let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"of": of, "sha256": digest})
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_packed_body_weighs_less_and_says_the_same() {
        let text = json!({"data": vec!["same"; 1000], "few": [1, 2]}).to_string();
        let (plain, small) = (weigh(text.as_bytes(), None), weigh(&packed(&text), Some("GZIP")));
        assert_eq!(plain["wire_bytes"], text.len());
        assert_eq!(small["body_bytes"], text.len());
        assert!(small["wire_bytes"].as_u64() < plain["wire_bytes"].as_u64());
        assert_eq!(small["body"], plain["body"]);
        assert_eq!(plain["body"]["data"]["of"], 1000);
        assert_eq!(plain["body"]["few"], json!([1, 2]));
    }

    #[test]
    fn a_bomb_is_not_unpacked_to_its_end() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        (0..LARGEST_DECODED >> 20).for_each(|_| encoder.write_all(&[0; 1 << 20]).unwrap());
        let whole = encoder.finish().unwrap();
        assert!(weigh(&whole, Some("gzip"))["undecodable"].is_null());
        let bomb = [whole, packed("x")].concat();
        let seen = weigh(&bomb, Some("gzip"));
        assert_eq!(seen["undecodable"], format!("it unpacks to more than {LARGEST_DECODED} bytes"));
    }

    #[test]
    fn what_is_not_whole_is_not_decoded() {
        let whole = packed("a text");
        for (wire, encoding) in [(&whole[..whole.len() - 3], "gzip"), (b"plain", "gzip"), (b"plain", "br")] {
            let seen = weigh(wire, Some(encoding));
            assert!(seen["undecodable"].is_string() && seen["body"].is_null(), "{seen}");
        }
    }
}
