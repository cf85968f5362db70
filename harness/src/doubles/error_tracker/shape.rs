//! Some parts of an event may have two shapes; here they get one.

use serde_json::{Map, Value, json};

/// Tags become an object, exceptions stand under `values`.
pub(super) fn settle(event: &mut Value) {
    if let Value::Array(pairs) = &event["tags"] {
        let pairs = pairs.iter().filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].clone())));
        event["tags"] = Value::Object(pairs.collect::<Map<_, _>>());
    }
    if event["exception"].is_array() {
        event["exception"] = json!({"values": event["exception"].take()});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_become_one() {
        let mut event = json!({"tags": [["a", "1"]], "exception": [{"type": "Fault"}]});
        settle(&mut event);
        let settled = json!({"tags": {"a": "1"}, "exception": {"values": [{"type": "Fault"}]}});
        assert_eq!(event, settled);
        settle(&mut event);
        assert_eq!(event, settled);
    }
}
