//! Which operation a service names as the dearest (feature 43), however it lists them.

use serde_json::{Value, json};

/// The first of a list, the largest by number of an object, or the text itself; `null` of all else.
pub(super) fn dearest(value: &Value) -> Value {
    match value {
        Value::Array(all) => all.first().cloned().unwrap_or_default(),
        Value::Object(all) => {
            let numbers = all.iter().filter_map(|(name, number)| Some((name, number.as_f64()?)));
            numbers.max_by(|one, other| one.1.total_cmp(&other.1)).map_or(Value::Null, |(name, _)| json!(name))
        }
        Value::String(_) => value.clone(),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_tables_and_texts_name_one() {
        assert_eq!(dearest(&json!([{"path": "/a"}, {"path": "/b"}])), json!({"path": "/a"}));
        assert_eq!(dearest(&json!({"/a": 0.1, "/b": 0.64, "unit": "s"})), json!("/b"));
        assert_eq!(dearest(&json!("GET /a")), json!("GET /a"));
        assert_eq!(
            (dearest(&json!(1)), dearest(&json!({})), dearest(&json!([]))),
            (Value::Null, Value::Null, Value::Null)
        );
    }
}
