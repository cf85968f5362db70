//! Which fields of a document got lost when it was read as its type: those that the type does not have.

use serde_json::Value;

/// Maps whose values are quantities; Kubernetes takes numbers there as well as texts.
const QUANTITIES: [&str; 5] = ["limits", "requests", "capacity", "hard", "overhead"];

/// The document with quantities as texts, which is how they are typed.
pub fn normal(given: &Value) -> Value {
    match given {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| {
                let value = if QUANTITIES.contains(&key.as_str()) { texts(value) } else { normal(value) };
                (key.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(normal).collect(),
        other => other.clone(),
    }
}

fn texts(quantities: &Value) -> Value {
    match quantities {
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| {
                let text = if value.is_number() { Value::String(value.to_string()) } else { value.clone() };
                (key.clone(), text)
            })
            .collect(),
        other => normal(other),
    }
}

/// Paths of fields that were given and not kept; a `null` is nothing given.
pub fn lost(given: &Value, kept: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    compare(given, kept, "", &mut paths);
    paths
}

fn compare(given: &Value, kept: &Value, path: &str, paths: &mut Vec<String>) {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match kept.get(key) {
                    Some(kept) => compare(value, kept, &path, paths),
                    None => paths.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(kept)) => {
            for (at, (given, kept)) in given.iter().zip(kept).enumerate() {
                compare(given, kept, &format!("{path}[{at}]"), paths);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_that_was_not_kept_is_named_by_its_path() {
        let given = json!({"spec": {"ports": [{"port": 80, "prot": "TCP"}], "nothing": null}});
        let kept = json!({"spec": {"ports": [{"port": 80}]}});
        assert_eq!(lost(&given, &kept), ["spec.ports[0].prot"]);
    }

    #[test]
    fn numbers_are_quantities_where_quantities_stand() {
        let given = json!({"limits": {"cpu": 1}, "replicas": 1});
        assert_eq!(normal(&given), json!({"limits": {"cpu": "1"}, "replicas": 1}));
    }
}
