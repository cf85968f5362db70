//! One observation as a command of the shell, where one can be given; else as a comment that says what is looked at.

use super::shell::Variables;
use crate::report::{curl, plain};
use crate::target::{HouseRules, Service, Target};
use serde_json::{Value, json};

/// What stands in a script for an observation.
pub(super) enum Command {
    /// A request whose answer is printed, or read by what follows.
    Request(String),
    /// Any other command.
    Other(String),
    /// No command can be given.
    None,
}

/// The command that asks the same of a target, with variables in its question.
pub(super) fn command(probe: &str, asked: &Value, target: &Target, variables: &Variables) -> Command {
    let quoted = |word: &str| variables.quoted(word);
    let written = match probe {
        "http" | "metrics" => return http(asked, target, variables),
        "sql" => sql(asked, &quoted),
        "redis" => redis(asked, &quoted),
        "s3" => s3(asked, &quoted),
        _ => None,
    };
    written.map_or(Command::None, Command::Other)
}

fn http(asked: &Value, target: &Target, variables: &Variables) -> Command {
    if !asked["answered yet"].is_null() || !asked["answered within, in ms"].is_null() {
        return Command::None;
    }
    let inner = [&asked["request"], &asked["the first"]].into_iter().find(|inner| inner.is_object());
    let request = inner.unwrap_or(asked);
    let count = |key: &str| asked[key].as_u64();
    let Some(one) = one_request(request, target, variables) else {
        return Command::None;
    };
    let status = format!("{one} -o /dev/null -w '%{{http_code}}\\n'");
    let repeat = |times: u64, line: &str| format!("i=0; while [ $i -lt {times} ]; do {line} i=$((i+1)); done");
    match (count("times"), count("at the same moment").or(count("answers to"))) {
        (Some(times), _) => Command::Other(format!("{{ {}; }} | sort | uniq -c", repeat(times, &format!("{status};")))),
        (None, Some(times)) => {
            Command::Other(format!("{{ {}; wait; }} | sort | uniq -c", repeat(times, &format!("{status} &"))))
        }
        (None, None) => Command::Request(one),
    }
}

/// `curl -sS …` of one request; health and metrics have their paths.
fn one_request(asked: &Value, target: &Target, variables: &Variables) -> Option<String> {
    let mut asked = asked.clone();
    let service = asked["service"].as_str().or(asked["histogram of"].as_str()).and_then(Service::named);
    let plain_get = |path: &str| service.map(|service| json!({"service": service.name(), "path": path}));
    if asked["health"] == true {
        let own = target.services.get(&service?).map(|endpoint| endpoint.health.clone());
        asked = plain_get(&own.unwrap_or_else(|| service.map_or("/health", Service::health_path).to_owned()))?;
    } else if !asked["sample"].is_null() || !asked["histogram of"].is_null() {
        asked = plain_get("/metrics")?;
    }
    with_their_headers(&mut asked, &target.rules);
    let command = curl::command_in(&asked, &|word| variables.quoted(word))?;
    let command = command.replacen("curl -i", "curl -sS", 1);
    let Some(bytes) = asked["filler"]["bytes"].as_u64() else {
        return Some(command);
    };
    let chunked = if asked["filler"]["in chunks"] == true { " -H 'transfer-encoding: chunked'" } else { "" };
    let body = " -H 'content-type: application/octet-stream' --data-binary @-";
    Some(format!("head -c {bytes} /dev/zero | tr '\\0' a | {command}{body}{chunked}"))
}

fn with_their_headers(asked: &mut Value, rules: &HouseRules) {
    if let Some(headers) = asked.get_mut("headers").and_then(Value::as_object_mut) {
        let theirs = std::mem::take(headers).into_iter().map(|(name, value)| (rules.theirs(&name).to_owned(), value));
        *headers = theirs.collect();
    }
}

fn sql(asked: &Value, quoted: &dyn Fn(&str) -> String) -> Option<String> {
    let text = |key: &str| asked[key].as_str().map(str::to_owned);
    let list = |key: &str| {
        let items = asked[key].as_array()?.iter().map(|one| one.as_str().unwrap_or_default().to_owned());
        Some(items.collect::<Vec<String>>())
    };
    let rolled_back = |statements: Vec<String>| {
        let whole = std::iter::once("begin".to_owned()).chain(statements).chain(["rollback".to_owned()]);
        whole.collect::<Vec<String>>()
    };
    let under = list("under").unwrap_or_default();
    let statements = match (text("query"), text("explain"), text("change"), list("execute"), list("attempt")) {
        (Some(query), ..) if under.is_empty() => vec![query],
        (Some(query), ..) => rolled_back(under.into_iter().chain([query]).collect()),
        (_, Some(query), ..) => vec![format!("explain (analyze) {query}")],
        (_, _, Some(change), ..) => vec![change],
        (_, _, _, Some(statements), _) => statements,
        (.., Some(statements)) => rolled_back(statements),
        _ => return None,
    };
    let database = text("database").map(|name| format!(" -d {}", quoted(&name))).unwrap_or_default();
    let each = statements.iter().map(|statement| format!(" -c {}", quoted(statement)));
    Some(format!("psql \"$DATABASE_URL\"{database}{}", each.collect::<String>()))
}

fn redis(asked: &Value, quoted: &dyn Fn(&str) -> String) -> Option<String> {
    let database = asked["database"].as_u64()?;
    let keys = asked["keys"].as_str().map(|pattern| json!([["--scan", "--pattern", pattern]]));
    let alone = [&asked["command"], &asked["until it changes"]].into_iter().find(|one| one.is_array());
    let commands = keys.or_else(|| asked.get("commands").cloned()).or_else(|| alone.map(|one| json!([one])))?;
    let line = |command: &Value| {
        let words = command.as_array()?.iter().map(|word| word.as_str().map(quoted));
        let words: Vec<String> = words.collect::<Option<_>>()?;
        Some(format!("redis-cli -u \"$REDIS_URL\" -n {database} {}", words.join(" ")))
    };
    let lines: Vec<String> = commands.as_array()?.iter().map(line).collect::<Option<_>>()?;
    Some(lines.join("\n"))
}

fn s3(asked: &Value, quoted: &dyn Fn(&str) -> String) -> Option<String> {
    let method = asked["method"].as_str().filter(|_| asked["store"] == "main")?;
    let signed = match asked["by"].as_str()? {
        "owner" => " --aws-sigv4 \"aws:amz:$S3_REGION:s3\" --user \"$S3_ACCESS_KEY:$S3_SECRET_KEY\"",
        "nobody" => "",
        _ => return None,
    };
    let told = ["store", "method", "by", "bucket", "key", "content", "again"];
    let others = asked.as_object()?.iter().filter(|(name, _)| !told.contains(&name.as_str()));
    let query: Vec<String> =
        others.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let content = match &asked["content"] {
        Value::Null => String::new(),
        Value::String(text) => format!(" --data-raw {}", quoted(text)),
        _ => return None,
    };
    let place = ["bucket", "key"].map(|part| asked[part].as_str().map(|name| format!("/{name}")).unwrap_or_default());
    let address = format!("\"$S3_ENDPOINT\"{}", quoted(&format!("{}{query}", place.concat())));
    Some(format!("curl -sS -X {}{signed}{content} {address}", quoted(method)))
}

/// What is looked at, in a comment of one line.
pub(super) fn in_words(probe: &str, asked: &Value) -> String {
    format!("{probe}: {}", plain::line(&asked.to_string()))
}
