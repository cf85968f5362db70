//! The command that repeats an HTTP request of a check, for whoever wants to see it with their own eyes.

use crate::target::Service;
use serde_json::Value;

/// The `curl` command for what an HTTP probe asked; none where it tells no path.
///
/// A service stands as a shell variable with the contract's own address as its default, so that the command runs
/// as it is against a deployment with default ports: `"${API_GATEWAY:-http://localhost:8080}/health"`.
pub fn command(asked: &Value) -> Option<String> {
    command_in(asked, &quoted)
}

/// As [`command`], with words quoted in another way: for a shell that knows less, or a script with variables.
pub fn command_in(asked: &Value, quoted: &dyn Fn(&str) -> String) -> Option<String> {
    let words = |key: &str| asked.get(key).and_then(Value::as_str);
    let path = words("path").or_else(|| words("url_path"));
    let address = address((words("url"), words("service"), path), quoted)?;
    let mut command = format!("curl -i -X {}", quoted(words("method").unwrap_or("GET")));
    let headers = asked.get("headers").and_then(Value::as_object);
    for (name, value) in headers.into_iter().flatten() {
        for value in each(value) {
            command += &format!(" -H {}", quoted(&format!("{name}: {value}")));
        }
    }
    let body = asked.get("json").or_else(|| asked.get("body")).filter(|body| !body.is_null());
    if let Some(body) = body {
        let told = |name: &str| name.eq_ignore_ascii_case("content-type");
        if !body.is_string() && !headers.is_some_and(|headers| headers.keys().any(|name| told(name))) {
            command += " -H 'content-type: application/json'";
        }
        let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        command += &format!(" --data-raw {}", quoted(&text));
    }
    Some(command + " " + &address)
}

fn address(
    (url, service, path): (Option<&str>, Option<&str>, Option<&str>),
    quoted: &dyn Fn(&str) -> String,
) -> Option<String> {
    if let Some(url) = url.filter(|url| url.starts_with("http")) {
        return Some(quoted(url));
    }
    let path = path.or(url).filter(|path| path.starts_with('/'))?;
    let base = match service.map(|name| (name, Service::named(name))) {
        Some((_, Some(service))) => {
            let (prefix, port) = (service.env_prefix(), service.default_port());
            format!("\"${{{prefix}:-http://localhost:{port}}}\"")
        }
        Some((name, None)) => quoted(&format!("http://{name}")),
        None => "\"${BASE:-http://localhost}\"".to_owned(),
    };
    Some(base + &quoted(path))
}

/// A header with several values is sent several times.
fn each(value: &Value) -> Vec<String> {
    let one = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        value => vec![one(value)],
    }
}

/// A word that the shell hands on as it is. Control characters are written as escapes, so that the command can be
/// copied from a page that shows none.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:@%+=,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    if !word.chars().any(char::is_control) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let escaped = word.chars().map(|letter| match letter {
        '\'' | '\\' => format!("\\{letter}"),
        '\n' => r"\n".to_owned(),
        letter if letter.is_ascii_control() => format!("\\x{:02x}", letter as u32),
        letter if letter.is_control() => format!("\\u{:04x}", letter as u32),
        letter => letter.to_string(),
    });
    format!("$'{}'", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plain_request_becomes_a_plain_command() {
        let asked = json!({"service": "gateway", "method": "GET", "path": "/health", "headers": {"accept": "*/*"}});
        assert_eq!(
            command(&asked).unwrap(),
            r#"curl -i -X GET -H 'accept: */*' "${API_GATEWAY:-http://localhost:8080}"/health"#
        );
    }

    #[test]
    fn a_body_is_sent_as_json_unless_it_is_a_text() {
        let asked = json!({"service": "auth", "method": "POST", "path": "/login?a=b&c=d", "body": {"a": "it's"}});
        assert_eq!(
            command(&asked).unwrap(),
            "curl -i -X POST -H 'content-type: application/json' --data-raw '{\"a\":\"it'\\''s\"}' \
             \"${AUTH_SERVICE:-http://localhost:8085}\"'/login?a=b&c=d'"
        );
        let asked = json!({"url": "http://h:1/x", "body": "a\n\u{1b}'"});
        assert_eq!(command(&asked).unwrap(), r"curl -i -X GET --data-raw $'a\n\x1b\'' http://h:1/x");
    }

    #[test]
    fn what_is_no_request_has_no_command() {
        for asked in [json!(null), json!("text"), json!({}), json!({"path": 7}), json!({"service": "auth"})] {
            assert_eq!(command(&asked), None, "{asked}");
        }
    }

    #[test]
    fn the_shell_reads_back_every_word() {
        for word in ["", "a b", "it's", "$HOME `id` \\", "a\nb\tc", "‹token #1›", "\u{9b}x'\\", "-n"] {
            let script = format!("printf '%s' {}", quoted(word).replace("-n", "'-n'"));
            let output = std::process::Command::new("bash").args(["-c", &script]).env("LC_ALL", "C.UTF-8").output();
            assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), word);
        }
    }
}
