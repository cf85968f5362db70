//! Tests of the script: what it holds, that a shell reads it, and that nothing of a target's acts in it.

use super::*;
use crate::catalogue::{Area, Category};
use crate::check::nth_id;
use crate::target::{Endpoint, Secret};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command as Program, Stdio};

fn observation(seq: u32, probe: &str, asked: Value, seen: Value) -> Observation {
    Observation { seq, step: 2, probe: probe.to_owned(), asked, seen, took_ms: 1.0 }
}

fn target() -> Target {
    let mut target = Target::unreachable("the other's");
    let endpoint = Endpoint { base: "http://127.0.0.1:28080".to_owned(), health: "/healthz".to_owned(), log: None };
    target.services.insert(Service::Gateway, endpoint);
    target.signing_key = Some(Secret::new("a key that nobody may see"));
    target
}

fn script(observations: Vec<Observation>, observed: Value) -> String {
    let failure = Failure {
        step: 2,
        requirement: "status of the\nsecond $(request)".to_owned(),
        expected: "200".to_owned(),
        observed,
        evidence: vec![4],
    };
    let found = Reproduction { failure, observations, of: 40, trials: 6, seed: 7, cut_short: false };
    let feature = Feature {
        number: 9,
        description: "A limit".to_owned(),
        steps: vec!["One".to_owned(), "Two".to_owned()],
        phase: 1,
        area: Area::Infrastructure,
        category: Category::Functional,
        passes: true,
    };
    Script { found: &found, feature: &feature, target: &target() }.text()
}

/// Whether a POSIX shell can read it.
fn reads(script: &str) {
    let mut shell = Program::new("sh").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = shell.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stderr));
}

fn post(path: &str, body: Value) -> Value {
    json!({"service": "api-gateway", "method": "POST", "path": path, "body": body})
}

fn signing_in() -> Vec<Observation> {
    let (id, word) = (nth_id(7, 9, 1), nth_id(7, 9, 2));
    let email = format!("conform-f009-{}@example.com", &word[..8]);
    let register = post("/register", json!({"email": email, "password": "‹own password #1›"}));
    let login = post("/login", json!({"email": email, "password": "‹own password #1›"}));
    let answer = json!({"status": 200, "body": {"access_token": "‹access_token #1›", "user": {"id": "made-by-it-1"}}});
    let bearer = json!({"authorization": "Bearer ‹access_token #1›", "x-correlation-id": id});
    let path = "/users/made-by-it-1";
    let get = json!({"service": "api-gateway", "method": "GET", "path": path, "headers": bearer});
    vec![
        observation(1, "http", register, json!({"status": 201, "body": {}})),
        observation(2, "http", login, answer),
        observation(4, "http", get, json!({"status": 500})),
    ]
}

#[test]
fn tokens_and_ids_are_variables_that_answers_set() {
    let script = script(signing_in(), json!(500));
    reads(&script);
    for line in [
        "# Feature 9: A limit",
        "# Step 2: Two",
        "# 3 of 40 observations of the check show it, found in 6 trials.",
        "API_GATEWAY=${API_GATEWAY:-http://127.0.0.1:28080}",
        "NEW_ID_1=$(new_id)",
        "OWN_PASSWORD_1=\"${OWN_PASSWORD_1:-Pw!7$(new_id)}\"",
        "ACCESS_TOKEN_1=$(printf '%s' \"$ANSWER_2\" | jq -r .access_token)",
        "ANSWER_2_ID=$(printf '%s' \"$ANSWER_2\" | jq -r .user.id)",
        "# answered: 500",
    ] {
        assert!(script.lines().any(|one| one == line), "{line}\n{script}");
    }
    let asked = script.lines().find(|line| line.starts_with("curl -sSi -w '\\n' -X GET")).unwrap();
    assert!(asked.contains("'authorization: Bearer '\"$ACCESS_TOKEN_1\""), "{asked}");
    assert!(asked.ends_with("'/users/'\"$ANSWER_2_ID\""), "{asked}");
    assert!(script.contains("conform-f009-'\"${NEW_ID_2%%-*}\"'@example.com"), "{script}");
    assert!(script.trim_end().ends_with("# status of the␊second $(request): expected 200, observed 500"), "{script}");
}

#[test]
fn a_run_of_the_script_sends_what_the_check_sent() {
    let script = script(signing_in(), json!(500));
    // In place of curl and jq: what they are called with, and a value for every variable.
    let stand_in = "curl() { printf '%s\\n' \"$*\" >&2; }; jq() { echo \"value of $2\"; }\n";
    let output = Program::new("sh").args(["-c", &(stand_in.to_owned() + &script)]).output().unwrap();
    assert!(output.status.success());
    let sent = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = sent.lines().collect();
    assert_eq!(lines.len(), 3, "{sent}");
    assert!(
        lines[0].contains("\"password\":\"Pw!7") && lines[0].ends_with("http://127.0.0.1:28080/register"),
        "{sent}"
    );
    assert!(lines[2].contains("Bearer value of .access_token"), "{sent}");
    assert!(lines[2].ends_with("http://127.0.0.1:28080/users/value of .user.id"), "{sent}");
}

#[test]
fn every_probe_has_a_command_or_a_comment() {
    let times = json!({"service": "api-gateway", "method": "GET", "path": "/x y", "times": 60});
    let twins = json!({"service": "api-gateway", "method": "GET", "path": "/x", "at the same moment": 4});
    let observations = vec![
        observation(
            1,
            "sql",
            json!({"execute": ["insert into t values ('it''s', '‹own password hash #1›')"]}),
            json!({}),
        ),
        observation(2, "sql", json!({"attempt": ["delete from t"]}), json!({})),
        observation(3, "redis", json!({"database": 1, "command": ["GET", "a b"]}), json!(null)),
        observation(
            4,
            "s3",
            json!({"store": "main", "method": "PUT", "by": "owner", "bucket": "b", "key": "k", "content": "t"}),
            json!({}),
        ),
        observation(5, "metrics", json!({"service": "auth-service", "sample": "x", "labels": {}}), json!({})),
        observation(6, "http", json!({"service": "api-gateway", "health": true}), json!({"silence": "no connection"})),
        observation(7, "http", times, json!({"answers": {"200": 60}})),
        observation(8, "http", twins, json!({"replies": []})),
        observation(9, "log", json!({"log": "auth-service", "containing": ["a\nrm -rf /"]}), json!([])),
        observation(
            10,
            "http",
            json!({"service": "api-gateway", "path": "/", "headers": {"x": "‹forged token #2›"}}),
            json!({}),
        ),
        observation(
            11,
            "http",
            json!({"service": "api-gateway", "path": "/", "filler": {"bytes": 9, "in chunks": true}}),
            json!({}),
        ),
    ];
    let script = script(observations, json!(["\u{1b}[31m", "x\nrm -rf /"]));
    reads(&script);
    for part in [
        "psql \"$DATABASE_URL\" -c 'insert into t values ('\\''it'\\'''\\''s'\\''",
        "psql \"$DATABASE_URL\" -c begin -c 'delete from t' -c rollback",
        "redis-cli -u \"$REDIS_URL\" -n 1 GET 'a b'",
        "--aws-sigv4 \"aws:amz:$S3_REGION:s3\" --user \"$S3_ACCESS_KEY:$S3_SECRET_KEY\" --data-raw t \"$S3_ENDPOINT\"/b/k",
        "\"${AUTH_SERVICE:-http://localhost:8085}\"/metrics",
        "\"${API_GATEWAY:-http://localhost:8080}\"/healthz",
        "while [ $i -lt 60 ]; do curl -sS",
        "# is looked at by hand: log: {\"log\":\"auth-service\",\"containing\":[\"a\\nrm -rf /\"]}",
        ": \"${FORGED_TOKEN_2:?a token made with the key of the target",
        ": \"${OWN_PASSWORD_HASH_1:?the bcrypt hash of the password 1}\"",
        "head -c 9 /dev/zero",
    ] {
        assert!(script.contains(part), "{part}\n{script}");
    }
    assert!(script.lines().all(|line| !line.starts_with("rm")), "{script}");
}

#[test]
fn no_secret_of_the_target_stands_in_it() {
    let asked = json!({"service": "api-gateway", "path": "/a key that nobody may see"});
    let script = script(vec![observation(1, "http", asked, json!({}))], json!("a key that nobody may see"));
    reads(&script);
    assert!(!script.contains("nobody may see"), "{script}");
}
