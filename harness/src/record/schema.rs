//! Holds a value against a JSON Schema, as far as the published schemas of this project go. For tests alone.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Keywords that [`faults`] judges, and those that only explain.
const KNOWN: [&str; 16] = [
    "$ref",
    "$defs",
    "$schema",
    "$id",
    "title",
    "description",
    "type",
    "const",
    "enum",
    "oneOf",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minimum",
    "maximum",
];

/// A published schema, by the path of its file from the root of the workspace.
pub(crate) fn published(path: &str) -> Value {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    serde_json::from_str(&std::fs::read_to_string(root.join(path)).unwrap()).unwrap()
}

/// What is wrong with a value, a sentence each; nothing if it is valid.
pub(crate) fn faults(root: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    hold(root, root, value, "value", &mut faults);
    faults
}

fn hold(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let Value::Object(schema) = schema else {
        return assert_eq!(schema, &Value::Bool(true), "a schema is an object or true");
    };
    for keyword in schema.keys() {
        assert!(KNOWN.contains(&keyword.as_str()), "this check does not know the keyword {keyword}");
    }
    if let Some(Value::String(target)) = schema.get("$ref") {
        let target = root.pointer(target.strip_prefix('#').unwrap()).unwrap();
        hold(root, target, value, at, faults);
    }
    if let Some(wanted) = schema.get("type") {
        let matches = |word: &Value| is_of_type(value, word.as_str().unwrap());
        let fits = wanted.as_array().map_or_else(|| matches(wanted), |words| words.iter().any(matches));
        if !fits {
            faults.push(format!("{at} is no {wanted}"));
        }
    }
    if schema.get("const").is_some_and(|wanted| wanted != value) {
        faults.push(format!("{at} is not {}", schema["const"]));
    }
    if let Some(Value::Array(words)) = schema.get("enum")
        && !words.contains(value)
    {
        faults.push(format!("{at} is none of {words:?}"));
    }
    if let Some(Value::Array(choices)) = schema.get("oneOf") {
        let each = choices.iter().map(|choice| {
            let mut faults = Vec::new();
            hold(root, choice, value, at, &mut faults);
            faults
        });
        let each: Vec<Vec<String>> = each.collect();
        if each.iter().filter(|faults| faults.is_empty()).count() != 1 {
            faults.push(format!("{at} is not exactly one of the choices: {each:?}"));
        }
    }
    hold_number(schema, value, at, faults);
    hold_parts(root, schema, value, at, faults);
}

fn is_of_type(value: &Value, word: &str) -> bool {
    match word {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("{word} is no type"),
    }
}

fn hold_number(schema: &Map<String, Value>, value: &Value, at: &str, faults: &mut Vec<String>) {
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let Some(number) = value.as_f64() else {
        return;
    };
    if bound("minimum").is_some_and(|least| number < least) || bound("maximum").is_some_and(|most| number > most) {
        faults.push(format!("{at} is out of bounds: {number}"));
    }
}

fn hold_parts(root: &Value, schema: &Map<String, Value>, value: &Value, at: &str, faults: &mut Vec<String>) {
    if let (Some(item), Value::Array(items)) = (schema.get("items"), value) {
        for (place, one) in items.iter().enumerate() {
            hold(root, item, one, &format!("{at}[{place}]"), faults);
        }
    }
    let Value::Object(entries) = value else {
        return;
    };
    let no_properties = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&no_properties);
    for (key, entry) in entries {
        let at = format!("{at}.{key}");
        match (properties.get(key), schema.get("additionalProperties")) {
            (Some(property), _) => hold(root, property, entry, &at, faults),
            (None, Some(Value::Bool(false))) => faults.push(format!("{at} is not foreseen")),
            (None, Some(other)) => hold(root, other, entry, &at, faults),
            (None, None) => {}
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for key in required.filter_map(Value::as_str).filter(|key| !entries.contains_key(*key)) {
        faults.push(format!("{at}.{key} is missing"));
    }
}

/// Every name of a property in a schema, wherever it stands.
pub(crate) fn property_names(schema: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        names.extend(properties.keys().cloned());
    }
    match schema {
        Value::Object(entries) => names.extend(entries.values().flat_map(property_names)),
        Value::Array(items) => names.extend(items.iter().flat_map(property_names)),
        _ => {}
    }
    names
}

/// Every key in a value, wherever it stands.
pub(crate) fn keys(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(entries) => {
            let below = entries.values().flat_map(keys);
            entries.keys().cloned().chain(below).collect()
        }
        Value::Array(items) => items.iter().flat_map(keys).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{OUTCOMES_FILE, RecordLine, fixture};
    use serde_json::json;

    fn lines() -> Vec<Value> {
        let (place, _record) = fixture::finished();
        let text = std::fs::read_to_string(place.path().join(OUTCOMES_FILE)).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut repeated = fixture::outcomes()[0].clone();
        repeated.rounds = [(repeated.verdict, 20)].into();
        lines.push(serde_json::to_value(RecordLine::Outcome(repeated)).unwrap());
        lines
    }

    #[test]
    fn every_line_of_a_record_is_as_published() {
        let schema = published("reports/outcomes.schema.json");
        for line in lines() {
            assert_eq!(faults(&schema, &line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn everything_published_stands_in_some_line() {
        let schema = published("reports/outcomes.schema.json");
        let used: BTreeSet<String> = lines().iter().flat_map(keys).collect();
        let idle: Vec<String> = property_names(&schema).difference(&used).cloned().collect();
        assert_eq!(idle, Vec::<String>::new());
    }

    #[test]
    fn a_line_that_is_otherwise_is_noticed() {
        let schema = published("reports/outcomes.schema.json");
        let outcome = &lines()[1];
        for (pointer, wrong) in [("/verdict", json!("green")), ("/feature", json!(680)), ("/steps/0/step", json!("1"))]
        {
            let mut changed = outcome.clone();
            *changed.pointer_mut(pointer).unwrap() = wrong;
            assert_ne!(faults(&schema, &changed), Vec::<String>::new(), "{pointer}");
        }
        for key in ["kind", "steps"] {
            let mut changed = outcome.clone();
            changed.as_object_mut().unwrap().remove(key);
            assert_ne!(faults(&schema, &changed), Vec::<String>::new(), "{key}");
        }
        let mut changed = outcome.clone();
        changed["surprise"] = json!(1);
        assert_ne!(faults(&schema, &changed), Vec::<String>::new());
    }
}
