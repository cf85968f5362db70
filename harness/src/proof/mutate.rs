//! Every way in which one place of an observation is altered.

use crate::check::Look;
use serde_json::{Map, Value, json};

/// One altered observation: what was done, at which leaf, and the observation as it would have been seen.
pub(super) struct Mutation {
    /// JSON pointer of the leaf.
    pub leaf: String,
    /// `dropped`, `altered`, `retyped`, …
    pub how: &'static str,
    /// Which of the leaf's mutations it is.
    pub at: usize,
    /// The whole observation.
    pub seen: Value,
}

/// Of a longer list, so many elements are gone into, evenly spread: rows of a kind are alike.
const MOST_ELEMENTS: usize = 8;

/// All mutations at a place that was looked at.
pub(super) fn mutations(seen: &Value, pointer: &str, look: Look) -> Vec<Mutation> {
    let mut all = Vec::new();
    let there = seen.pointer(pointer);
    if look == Look::Value && !matches!(there, Some(Value::Array(_) | Value::Object(_))) {
        leaf(seen, pointer, &mut all);
    } else {
        branch(seen, pointer, look, &mut all);
    }
    all
}

fn leaf(seen: &Value, pointer: &str, all: &mut Vec<Mutation>) {
    let here = seen.pointer(pointer).cloned().unwrap_or_default();
    let before = all.len();
    let mut add = |how, value: Option<Value>| {
        if let Some(changed) = with(seen, pointer, value)
            && changed != *seen
        {
            let leaf = pointer.to_owned();
            let at = all.len() - before;
            all.push(Mutation { leaf, how, at, seen: changed });
        }
    };
    match &here {
        Value::Null => {
            add("made a text", Some(json!("tampered")));
            add("made a number", Some(json!(200)));
            add("made a list", Some(json!([{"tampered": true}])));
            return;
        }
        Value::Bool(truth) => add("altered", Some(json!(!truth))),
        Value::String(text) => {
            add("altered", Some(json!(format!("{text}~"))));
            add("altered", Some(json!("tampered")));
            add("emptied", Some(json!("")));
            add("retyped", Some(json!([text])));
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            add("one more", Some(number_like(&here, number + 1.0)));
            add("one less", Some(number_like(&here, number - 1.0)));
            add("beyond its bound", Some(number_like(&here, number * 1000.0 + 1e6)));
            add("below its bound", Some(number_like(&here, -number.abs() - 1e6)));
            add("zero", Some(json!(0)));
            add("retyped", Some(json!(number.to_string())));
        }
        Value::Array(_) | Value::Object(_) => {}
    }
    add("dropped", None);
}

/// Whole numbers stay whole: a status is never 200.5.
fn number_like(like: &Value, number: f64) -> Value {
    if like.is_f64() { json!(number) } else { json!(number as i64) }
}

fn branch(seen: &Value, pointer: &str, look: Look, all: &mut Vec<Mutation>) {
    let before = all.len();
    let mut add = |how, value: Option<Value>| {
        if let Some(changed) = with(seen, pointer, value)
            && changed != *seen
        {
            let leaf = pointer.to_owned();
            let at = all.len() - before;
            all.push(Mutation { leaf, how, at, seen: changed });
        }
    };
    let children: Vec<String> = match seen.pointer(pointer) {
        Some(Value::Array(items)) => {
            add("first element gone", Some(items.iter().skip(1).cloned().collect()));
            add("last element gone", Some(items[..items.len().saturating_sub(1)].into()));
            add("an element more", Some(items.iter().chain(items.last()).cloned().collect()));
            add("order turned round", Some(items.iter().rev().cloned().collect()));
            add("emptied", Some(json!([])));
            let count = items.len().min(MOST_ELEMENTS);
            (0..count).map(|at| (at * items.len() / count).to_string()).collect()
        }
        Some(Value::Object(entries)) => {
            let more: Map<String, Value> = entries
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .chain([("tampered".to_owned(), json!(1))])
                .collect();
            add("a field more", Some(Value::Object(more)));
            add("emptied", Some(json!({})));
            entries.keys().map(|key| key.replace('~', "~0").replace('/', "~1")).collect()
        }
        _ => Vec::new(),
    };
    add("dropped", None);
    if look == Look::Value {
        for child in &children {
            all.extend(mutations(seen, &format!("{pointer}/{child}"), Look::Value));
        }
    }
}

/// The observation with another value at a place, or with none; `None` where the place cannot be made.
fn with(seen: &Value, pointer: &str, value: Option<Value>) -> Option<Value> {
    let mut changed = seen.clone();
    let Some(at) = pointer.rfind('/') else {
        return Some(value.unwrap_or_default());
    };
    let parent = changed.pointer_mut(&pointer[..at])?;
    let key = pointer[at + 1..].replace("~1", "/").replace("~0", "~");
    match (parent, value) {
        (Value::Object(entries), Some(value)) => drop(entries.insert(key, value)),
        (Value::Object(entries), None) => drop(entries.shift_remove(&key)),
        (Value::Array(items), value) => {
            let slot: usize = key.parse().ok()?;
            match value {
                Some(value) => *items.get_mut(slot)? = value,
                None if slot < items.len() => drop(items.remove(slot)),
                None => return None,
            }
        }
        _ => return None,
    }
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_moved_both_ways_dropped_and_retyped() {
        let seen = json!({"status": 200});
        let all = mutations(&seen, "/status", Look::Value);
        let values: Vec<Value> = all.iter().map(|one| one.seen["status"].clone()).collect();
        for wanted in [json!(201), json!(199), json!("200"), Value::Null] {
            assert!(values.contains(&wanted), "{wanted} is missing in {values:?}");
        }
    }

    #[test]
    fn absence_is_tampered_with_by_putting_something_there() {
        let all = mutations(&json!({"status": 401}), "/silence", Look::Value);
        assert!(all.iter().any(|one| one.seen["silence"] == "tampered"));
    }

    #[test]
    fn lists_lose_gain_and_turn_their_elements() {
        let all = mutations(&json!({"rows": [1, 2]}), "/rows", Look::Shape);
        let lists: Vec<&Value> = all.iter().map(|one| &one.seen["rows"]).collect();
        for wanted in [json!([2]), json!([1]), json!([1, 2, 2]), json!([2, 1]), json!([])] {
            assert!(lists.contains(&&wanted), "{wanted} is missing");
        }
    }
}
