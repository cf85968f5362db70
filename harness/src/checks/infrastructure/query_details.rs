//! What a line about a slow request tells of its queries, whatever its fields are called.

use crate::check::{Matcher, such_that};
use serde_json::Value;

/// A line that tells the text of a slow query and how long it, or all queries of the request, took. The contract names no
/// fields for them, so any will do but those of the request itself.
pub(super) fn details_of(query: &'static str, least_ms: f64, whole_ms: f64) -> Matcher {
    such_that(
        format!("a text with {query}, and a time from {least_ms} to {whole_ms} ms beside the request's own"),
        move |line| {
            let mut leaves = Vec::new();
            let Some(fields) = line.as_object() else { return false };
            let own =
                |field: &str| field.ends_with("duration_ms") || field == "threshold_ms" || field == "response_time_ms";
            fields.iter().filter(|(field, _)| !own(field)).for_each(|(_, value)| gather(value, &mut leaves));
            let text = leaves.iter().any(|leaf| leaf.as_str().is_some_and(|text| text.to_lowercase().contains(query)));
            let is_time = |number: f64| {
                (least_ms..=whole_ms).contains(&number) || (least_ms..=whole_ms).contains(&(number * 1000.0))
            };
            text && leaves.iter().filter_map(|leaf| leaf.as_f64()).any(is_time)
        },
    )
}

/// What is neither a list nor an object, however deep it stands.
fn gather<'a>(value: &'a Value, leaves: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, leaves)),
        Value::Object(fields) => fields.values().for_each(|value| gather(value, leaves)),
        leaf => leaves.push(leaf),
    }
}
