//! What a value weighs in memory, and what is kept of one that weighs too much.

use serde_json::Value;

/// The observations of one case weigh no more together.
pub(super) const MOST_KEPT: usize = 16 << 20;
/// An observed value that weighs more stands in its expectation as the beginning of its text.
const MOST_OBSERVED: usize = 64 << 10;
/// How much of that text is kept, in letters.
const BEGINNING: usize = 4000;
/// What a value takes apart from its text, about.
const VALUE: usize = 40;
/// What an entry of an object takes beside its value, about.
const ENTRY: usize = 80;

/// About as many bytes as the value takes. Whatever is read from outside nests no deeper than a stack can bear.
pub(super) fn weight(value: &Value) -> usize {
    VALUE
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(entries) => entries.iter().map(|(key, value)| ENTRY + key.len() + weight(value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// The value as an expectation keeps it.
pub(super) fn shortened(value: Value) -> Value {
    if weight(&value) <= MOST_OBSERVED {
        return value;
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Value::from(brief(text))
}

/// A text of ours in which names of the target's may stand, as an expectation keeps it.
pub(super) fn brief(text: String) -> String {
    match text.char_indices().nth(BEGINNING) {
        Some((end, _)) => format!("{}… ({} bytes in all)", &text[..end], text.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn small_values_are_kept_whole_and_large_ones_by_their_beginning() {
        let small = json!({"a": [1, 2, "text"]});
        assert_eq!(shortened(small.clone()), small);
        let large = json!(vec!["ä"; 10_000]);
        let kept = shortened(large.clone());
        assert!(weight(&kept) < weight(&large) / 10);
        assert!(kept.as_str().unwrap().ends_with(&format!("… ({} bytes in all)", large.to_string().len())));
    }
}
