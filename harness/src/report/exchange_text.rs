//! A request and its answer as they went over the wire: first line, headers, an empty line, the body.

use super::plain;
use serde_json::{Map, Value};

/// The request, where the question is one; what is no part of a message follows it as JSON.
pub(super) fn request(asked: &Value) -> Option<String> {
    let entries = asked.as_object()?;
    let method = entries.get("method")?.as_str()?;
    let place = ["url", "path", "url_path"].iter().find_map(|key| entries.get(*key)?.as_str())?;
    let service = entries.get("service").and_then(Value::as_str).map(|name| format!("  to {name}")).unwrap_or_default();
    let first = plain::line(&format!("{method} {place}{service}"));
    Some(message(first, entries, &["method", "url", "path", "url_path", "service"], &["body", "json"]))
}

/// The answer, where there was one with a status.
pub(super) fn answer(seen: &Value) -> Option<String> {
    let entries = seen.as_object()?;
    let status = entries.get("status").filter(|status| status.is_u64())?;
    Some(message(format!("status {status}"), entries, &["status"], &["body"]))
}

fn message(first: String, entries: &Map<String, Value>, told: &[&str], bodies: &[&str]) -> String {
    let mut text = first;
    let headers = entries.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        text += &format!("\n{}: {}", plain::line(name), plain::value_line(value));
    }
    for body in bodies.iter().filter_map(|key| entries.get(*key)).filter(|body| !body.is_null()) {
        text += &format!("\n\n{}", plain::value_text(body));
    }
    let known = |key: &str| told.contains(&key) || bodies.contains(&key) || (key == "headers" && headers.is_some());
    let rest: Map<String, Value> =
        entries.iter().filter(|(key, _)| !known(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    if !rest.is_empty() {
        text += &format!("\n\nand {}", plain::value_text(&Value::Object(rest)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_reads_as_it_was_sent() {
        let asked = json!({"service": "auth", "method": "POST", "path": "/login", "headers": {"accept": "*/*\n"},
            "body": {"a": 1}, "again": true});
        assert_eq!(
            request(&asked).unwrap(),
            "POST /login  to auth\naccept: */*␊\n\n{\n  \"a\": 1\n}\n\nand {\n  \"again\": true\n}"
        );
    }

    #[test]
    fn an_answer_reads_as_it_came() {
        let seen = json!({"status": 200, "headers": {"x": ["1", "2"]}, "body": "a\u{1b}\nb"});
        assert_eq!(answer(&seen).unwrap(), "status 200\nx: [\"1\",\"2\"]\n\na␛\nb");
        assert_eq!(answer(&json!({"status": 204})).unwrap(), "status 204");
    }

    #[test]
    fn nothing_of_a_message_is_lost() {
        let seen = json!({"status": 200, "headers": "odd", "body": null, "ms": 4.5});
        let text = answer(&seen).unwrap();
        assert!(text.contains("odd") && text.contains("4.5"), "{text}");
        for other in [json!(null), json!({"silence": "x"}), json!({"status": "up"}), json!([1])] {
            assert_eq!(answer(&other), None);
            assert_eq!(request(&other), None);
        }
    }
}
