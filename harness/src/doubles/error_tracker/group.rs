//! Which events are one problem: those whose fingerprint is the same, as Sentry sees it.

use serde_json::Value;

/// What stands for Sentry's own grouping in a fingerprint.
const DEFAULT: [&str; 2] = ["{{ default }}", "{{default}}"];

/// What all events of a group have in common.
pub(super) fn of(event: &Value) -> Vec<String> {
    let given: Vec<&str> = event["fingerprint"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if given.is_empty() {
        return by_itself(event);
    }
    given
        .into_iter()
        .flat_map(|part| if DEFAULT.contains(&part) { by_itself(event) } else { vec![part.to_owned()] })
        .collect()
}

/// Without a fingerprint: type and functions of the exceptions, else the message.
fn by_itself(event: &Value) -> Vec<String> {
    let exceptions = event["exception"]["values"].as_array().map_or(&[][..], Vec::as_slice);
    let texts = |value: &Value| value.as_str().map(str::to_owned);
    if exceptions.is_empty() {
        let message = [&event["logentry"]["message"], &event["logentry"]["formatted"], &event["message"]];
        return message.into_iter().find_map(texts).into_iter().collect();
    }
    let parts = exceptions.iter().flat_map(|exception| {
        let frames = exception["stacktrace"]["frames"].as_array().into_iter().flatten();
        let own = frames.filter(|frame| frame["in_app"] != false).filter_map(move |frame| texts(&frame["function"]));
        texts(&exception["type"]).into_iter().chain(own)
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fingerprint_goes_before_type_and_functions() {
        let frames = json!([{"function": "main"}, {"function": "lib", "in_app": false}, {"function": "fail"}]);
        let mut event = json!({"exception": {"values": [{"type": "Fault", "stacktrace": {"frames": frames}}]}});
        assert_eq!(of(&event), ["Fault", "main", "fail"]);
        event["fingerprint"] = json!(["mine", "{{ default }}"]);
        assert_eq!(of(&event), ["mine", "Fault", "main", "fail"]);
        event["fingerprint"] = json!(["mine"]);
        assert_eq!(of(&event), ["mine"]);
        assert_eq!(of(&json!({"message": "it broke"})), ["it broke"]);
    }
}
