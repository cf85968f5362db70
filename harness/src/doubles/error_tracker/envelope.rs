//! Reads an envelope: a header, then items, each with a header of its own and a payload.

use serde_json::Value;

/// The header, and each item by its type; a payload that is no JSON is kept as text.
pub(super) fn read(bytes: &[u8]) -> Result<(Value, Vec<(String, Value)>), String> {
    let (header, mut rest) = line(bytes);
    let header = json(header, "the header")?;
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (head, after) = line(rest);
        if head.is_empty() {
            rest = after;
            continue;
        }
        let head = json(head, "the header of an item")?;
        let kind = head["type"].as_str().ok_or("an item without a type")?.to_owned();
        let (payload, after) = match head["length"].as_u64() {
            Some(length) => {
                let length = usize::try_from(length).ok().filter(|length| *length <= after.len());
                let (payload, after) = after.split_at(length.ok_or("an item shorter than it says")?);
                if !after.is_empty() && after[0] != b'\n' {
                    return Err("an item longer than it says".to_owned());
                }
                (payload, after.get(1..).unwrap_or_default())
            }
            None => line(after),
        };
        let text = || Value::from(String::from_utf8_lossy(payload).into_owned());
        items.push((kind, serde_json::from_slice(payload).unwrap_or_else(|_| text())));
        rest = after;
    }
    Ok((header, items))
}

/// Everything up to the next line break, and what follows it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

fn json(bytes: &[u8], what: &str) -> Result<Value, String> {
    match serde_json::from_slice(bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(format!("{what} is no JSON object")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_have_a_length_or_end_with_their_line() {
        let text = "{}\n{\"type\":\"attachment\",\"length\":5}\na\nb\nc\n{\"type\":\"event\"}\n{\"message\":\"m\"}";
        let (_, items) = read(text.as_bytes()).unwrap();
        assert_eq!(items, [("attachment".to_owned(), json!("a\nb\nc")), ("event".to_owned(), json!({"message": "m"}))]);
    }

    #[test]
    fn what_is_no_envelope_is_told() {
        for text in [
            "",
            "no",
            "{}\n{}\n{}",
            "{}\n{\"type\":\"event\",\"length\":9}\n{}",
            "{}\n{\"type\":\"event\",\"length\":1}\n{}\n",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
