//! What may have caused what was observed: without it, the same would be seen of a sound target, too.
//!
//! The 101st request of a minute is no failure of anybody unless a hundred were sent before it, and nobody finds what was
//! never made. So a sequence is not shortened by what its end may rest on.

use crate::check::secret_names;
use crate::outcome::Observation;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Shorter words are too common to tell one thing from another.
const SHORTEST_ID: usize = 8;
/// Commands of Redis that leave it as it is.
const READING: [&str; 20] = [
    "GET", "MGET", "TTL", "PTTL", "EXISTS", "TYPE", "KEYS", "HGET", "HGETALL", "LRANGE", "SMEMBERS", "ZRANGE", "INFO",
    "CLIENT", "DBSIZE", "SCAN", "PING", "STRLEN", "CONFIG", "MEMORY",
];
/// How a question says that it stands for many requests.
const MANY: [&str; 3] = ["times", "at the same moment", "answers to"];

/// What an observation does to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A request that leaves it as it is.
    Request,
    /// So many requests that their number may matter.
    Load,
    /// Something that changes it, or lets time pass.
    Deed,
    /// A look from aside: at a log, a table, a metric.
    Look,
}

/// One observation, as far as it has to do with others.
struct Link {
    seq: u32,
    step: u8,
    kind: Kind,
    /// Ids and words that its question speaks of.
    things: BTreeSet<String>,
    /// Secrets that its question bears.
    secrets: BTreeSet<String>,
    seeds: bool,
}

impl Link {
    fn of(observation: &Observation) -> Link {
        let mut link = Link {
            seq: observation.seq,
            step: observation.step,
            kind: kind(&observation.probe, &observation.asked),
            things: BTreeSet::new(),
            secrets: BTreeSet::new(),
            seeds: observation.probe == "sql" && !observation.asked["execute"].is_null(),
        };
        each_text(&observation.asked, &mut |text| {
            link.things.extend(things(text));
            link.secrets.extend(secret_names(text));
        });
        let status = observation.seen["status"].as_u64();
        let refused = status.is_none_or(|status| status >= 400) && observation.probe == "http";
        // Who is refused before anybody knows who it is has changed nothing.
        if link.kind == Kind::Deed && refused && link.things.is_empty() && link.secrets.is_empty() {
            link.kind = Kind::Request;
        }
        link
    }

    fn shares(&self, other: &Link, with_secrets: bool) -> bool {
        let things = !self.things.is_disjoint(&other.things);
        things || with_secrets && !self.secrets.is_disjoint(&other.secrets)
    }

    /// Whether this, done before, may be why the other is answered as it is.
    fn may_cause(&self, other: &Link) -> bool {
        let of_nobody = self.things.is_empty() && self.secrets.is_empty();
        match self.kind {
            Kind::Load => of_nobody || self.shares(other, true),
            Kind::Deed => of_nobody || self.shares(other, self.things.is_empty()),
            Kind::Request | Kind::Look => false,
        }
    }
}

/// The observations that a failure rests on, with all before them that may have caused what they saw.
pub(super) fn with_causes(observations: &[Observation], rests_on: &BTreeSet<u32>) -> BTreeSet<u32> {
    let links: BTreeMap<u32, Link> = observations.iter().map(|one| (one.seq, Link::of(one))).collect();
    let makers = makers(observations);
    let mut kept = BTreeSet::new();
    let mut waiting: Vec<u32> = rests_on.iter().copied().collect();
    while let Some(seq) = waiting.pop() {
        let Some(link) = links.get(&seq).filter(|_| kept.insert(seq)) else {
            continue;
        };
        let before = || links.range(..seq).map(|(_, earlier)| earlier);
        let of = |name: &String| makers.get(name).copied().filter(|maker| *maker < seq);
        waiting.extend(link.things.iter().chain(&link.secrets).filter_map(of));
        waiting.extend(before().filter(|earlier| earlier.may_cause(link)).map(|earlier| earlier.seq));
        if link.secrets.iter().any(|name| name.starts_with("‹forged token")) {
            // A token that the check made stands for a user whom it made before.
            waiting.extend(before().filter(|earlier| earlier.seeds).map(|earlier| earlier.seq));
        }
        if rests_on.contains(&seq) && link.kind == Kind::Look && link.things.is_empty() {
            // It tells of whatever was asked in its step, or in the last one in which anything was.
            let asked = || before().filter(|earlier| matches!(earlier.kind, Kind::Request | Kind::Load | Kind::Deed));
            let step = asked().map(|earlier| earlier.step).next_back();
            waiting.extend(asked().filter(|earlier| Some(earlier.step) == step).map(|earlier| earlier.seq));
        }
    }
    kept
}

/// By id, word or secret, the observation in which it first came up.
fn makers(observations: &[Observation]) -> BTreeMap<String, u32> {
    let mut makers = BTreeMap::new();
    for observation in observations {
        let mut note = |text: &str| {
            for name in things(text).into_iter().chain(secret_names(text)) {
                makers.entry(name).or_insert(observation.seq);
            }
        };
        each_text(&observation.asked, &mut note);
        each_text(&observation.seen, &mut note);
    }
    makers
}

fn kind(probe: &str, asked: &Value) -> Kind {
    let has = |key: &str| !asked[key].is_null();
    let reads = |method: &Value| method.as_str().is_none_or(|method| ["GET", "HEAD", "OPTIONS"].contains(&method));
    let deed_unless = |look: bool| if look { Kind::Look } else { Kind::Deed };
    match probe {
        "http" if MANY.iter().any(|key| has(key)) && reads(&asked["method"]) => Kind::Load,
        "http" | "s3" if reads(&asked["method"]) && reads(&asked["request"]["method"]) => Kind::Request,
        "http" | "s3" => Kind::Deed,
        "sql" => deed_unless(["query", "explain", "attempt", "contents of"].iter().any(|key| has(key))),
        "redis" => deed_unless(reads_redis(asked)),
        "clock" => deed_unless(asked == "time of day" || has("waits for")),
        "process" => deed_unless(has("process of") || has("end of")),
        "double" => deed_unless(!has("refuses")),
        "relay" => deed_unless(has("arrivals")),
        "containers" => deed_unless(asked == "list"),
        "cluster" => Kind::Deed,
        _ => Kind::Look,
    }
}

fn reads_redis(asked: &Value) -> bool {
    let reading = |command: &Value| {
        let word = command[0].as_str().unwrap_or_default().to_uppercase();
        READING.contains(&word.as_str())
    };
    let commands = asked["commands"].as_array().into_iter().flatten();
    let mut all =
        commands.chain([&asked["command"], &asked["until it changes"]].into_iter().filter(|one| one.is_array()));
    asked["subscribe"].is_null() && all.all(reading)
}

/// Every text in a JSON tree, keys included; a number that is an id counts as one.
fn each_text(value: &Value, note: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => note(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, note)),
        Value::Object(entries) => {
            for (key, value) in entries {
                note(key);
                match value {
                    Value::Number(number) if key == "id" || key.ends_with("_id") => note(&format!("/{number}/")),
                    value => each_text(value, note),
                }
            }
        }
        _ => {}
    }
}

/// Words of a text that can be somebody's id: long ones with a digit, and numbers that are a part of a path.
fn things(text: &str) -> BTreeSet<String> {
    let in_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let words = text.split(|letter| !in_word(letter));
    let long = words.filter(|word| word.len() >= SHORTEST_ID && word.bytes().any(|byte| byte.is_ascii_digit()));
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let numbered =
        path.split('/').skip(1).filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let numbers = numbered.map(|number| format!("/{number}/"));
    long.map(str::to_owned).chain(numbers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn http(seq: u32, step: u8, asked: Value, body: Value) -> Observation {
        let seen = json!({"status": 200, "body": body});
        Observation { seq, step, probe: "http".to_owned(), asked, seen, took_ms: 1.0 }
    }

    fn get(path: &str, token: Option<&str>) -> Value {
        let mut asked = json!({"service": "api-gateway", "method": "GET", "path": path});
        if let Some(token) = token {
            asked["headers"] = json!({"authorization": format!("Bearer {token}")});
        }
        asked
    }

    fn post(path: &str, token: Option<&str>, body: Value) -> Value {
        let mut asked = get(path, token);
        asked["method"] = json!("POST");
        asked["body"] = body;
        asked
    }

    fn user(seq: u32, word: &str, number: u32) -> [Observation; 2] {
        let (email, token) = (format!("conform-f009-{word}@example.com"), format!("‹access_token #{number}›"));
        [
            http(seq, 1, post("/register", None, json!({"email": email})), json!({"id": format!("{word}-9999-8888")})),
            http(seq + 1, 1, post("/login", None, json!({"email": email})), json!({"access_token": token})),
        ]
    }

    fn causes(observations: &[Observation], rests_on: u32) -> Vec<u32> {
        with_causes(observations, &BTreeSet::from([rests_on])).into_iter().collect()
    }

    #[test]
    fn a_limit_is_not_exceeded_without_the_requests_before() {
        let (one, other) = (Some("‹access_token #1›"), Some("‹access_token #2›"));
        let mut all: Vec<Observation> = user(1, "1a2b3c4d", 1).into_iter().chain(user(3, "5e6f7a8b", 2)).collect();
        let many = |token, times: u32| {
            let mut asked = get("/api/diagrams/", token);
            asked["times"] = json!(times);
            asked
        };
        all.push(http(5, 2, many(one, 100), json!(null)));
        all.push(http(6, 2, many(other, 7), json!(null)));
        all.push(http(7, 2, get("/health", None), json!(null)));
        all.push(http(8, 3, get("/api/diagrams/", one), json!(null)));
        assert_eq!(causes(&all, 8), [1, 2, 5, 8]);
        assert_eq!(causes(&all, 7), [7]);
    }

    #[test]
    fn what_is_asked_for_was_made_and_changed_before() {
        let token = Some("‹access_token #1›");
        let mut all: Vec<Observation> = user(1, "1a2b3c4d", 1).into();
        let made = |seq, title: &str, id: &str| {
            http(seq, 2, post("/api/diagrams/", token, json!({"title": title})), json!({"id": id}))
        };
        all.push(made(3, "conform-f009-00000001", "aaaa1111-2222"));
        all.push(made(4, "conform-f009-00000002", "bbbb1111-2222"));
        all.push(http(5, 3, post("/api/diagrams/aaaa1111-2222/touch", token, json!({})), json!(null)));
        all.push(http(6, 3, get("/api/diagrams/bbbb1111-2222", token), json!(null)));
        all.push(http(7, 3, get("/api/diagrams/aaaa1111-2222", token), json!(null)));
        assert_eq!(causes(&all, 7), [1, 2, 3, 5, 7]);
    }

    #[test]
    fn a_look_from_aside_tells_of_what_was_asked() {
        let mut all = vec![
            http(1, 1, get("/a", None), json!(null)),
            http(2, 2, get("/b", None), json!(null)),
            http(3, 2, json!({"service": "auth-service", "health": true}), json!(null)),
        ];
        let look = |seq, probe: &str, asked: Value| Observation {
            probe: probe.to_owned(),
            ..http(seq, 3, asked, json!(null))
        };
        all.push(look(4, "metrics", json!({"service": "auth-service", "sample": "requests"})));
        all.push(look(5, "clock", json!({"let pass, in s": 3600})));
        all.push(look(6, "redis", json!({"database": 0, "command": ["get", "a"]})));
        all.push(http(7, 3, get("/things/17", None), json!(null)));
        assert_eq!(causes(&all, 4), [2, 3, 4]);
        assert_eq!(causes(&all, 7), [5, 7]);
        all[0].seen = json!({"body": {"id": 17}});
        assert_eq!(causes(&all, 7), [1, 5, 7]);
    }
}
