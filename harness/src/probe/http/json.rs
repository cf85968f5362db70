//! JSON from a stranger: read only where it is no heavier in memory than it may be.

use serde_json::Value;

/// JSON of more values is not taken apart: a byte on the wire can become hundreds in memory.
const MOST_VALUES: usize = 100_000;

/// The bytes as JSON; none where they are no JSON, nest too deeply (128 levels, by `serde_json`), hold a number that no
/// machine counts with, or more values than are read.
pub(crate) fn read(bytes: &[u8]) -> Option<Value> {
    if values(bytes) > MOST_VALUES {
        return None;
    }
    serde_json::from_slice(bytes).ok()
}

/// At least as many values as the text holds: what stands before each comma, bracket and colon outside of texts.
fn values(bytes: &[u8]) -> usize {
    let (mut count, mut within, mut escaped) = (1, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if within => escaped = true,
            b'"' => within = !within,
            b',' | b'[' | b'{' | b':' if !within => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::mutation::mutants;
    use serde_json::json;

    #[test]
    fn plain_json_is_read_and_commas_in_texts_weigh_nothing() {
        let text = json!({"a": [1, "x,\\\",[{", {}], "b": ",".repeat(2 * MOST_VALUES)}).to_string();
        assert_eq!(read(text.as_bytes()).unwrap()["a"][1], "x,\\\",[{");
        assert!(values(text.as_bytes()) < 10);
    }

    #[test]
    fn what_would_burst_memory_stack_or_number_is_no_json() {
        let wide = format!("[{}0]", "0,".repeat(MOST_VALUES));
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for text in [wide.as_str(), &deep, "1e999", &"9".repeat(400), "[1", "", "nul", "\u{feff}{}"] {
            assert_eq!(read(text.as_bytes()), None, "{:.20}", text);
        }
        assert_eq!(read(b"{\"a\": 1, \"a\": 2}"), Some(json!({"a": 2})), "the last of a key counts");
    }

    #[test]
    fn whatever_comes_is_read_or_is_no_json() {
        let some: [&[u8]; 3] =
            [b"{\"a\": [1, -2.5e3, \"x\\u00e4\"], \"b\": {\"c\": null}}", b"[[], {}, true]", b"\"text\""];
        let read: usize = mutants(&some, 5000).filter_map(|bytes| read(&bytes)).count();
        assert!(read > 20, "the mutants are not near enough to JSON: {read}");
    }
}
