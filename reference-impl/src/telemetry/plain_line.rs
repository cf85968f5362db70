//! A log line for a person's eyes: what a JSON line says, in words (`LOG_FORMAT=text`).

use std::fmt::Write;

use serde_json::{Map, Value};

/// What every line begins with; the rest follows as `name=value`.
const HEAD: [&str; 4] = ["timestamp", "level", "service", "message"];

/// One line, without its end. Whatever could begin a line of its own is escaped.
pub fn render(line: &Map<String, Value>) -> String {
    let [timestamp, level, service, message] = HEAD.map(|name| match line.get(name) {
        Some(Value::String(word)) => word.escape_debug().to_string(),
        _ => String::new(),
    });
    let mut text = format!("{timestamp} {level} {service}: {message}");
    for (name, value) in line {
        if !HEAD.contains(&name.as_str()) && !value.is_null() {
            // Writing into a text cannot fail.
            let _ = write!(text, " {name}={value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        let line = serde_json::json!({
            "timestamp": "t", "service": "auth-service", "level": "INFO", "message": "a\nb",
            "correlation_id": "c\nd", "n": 1, "nothing": null,
        });
        let Value::Object(line) = line else { unreachable!() };
        assert_eq!(render(&line), r#"t INFO auth-service: a\nb correlation_id="c\nd" n=1"#);
    }
}
