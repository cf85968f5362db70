//! Target files, right and wrong.

use super::*;
use crate::record::mutation::mutant_texts;
use crate::target::Need;

const GATEWAY: &str = "[gateway]\nurl = \"http://127.0.0.1:8080\"\n";

fn environment(name: &str) -> Option<String> {
    match name {
        "EMPTY" => Some(String::new()),
        "UNSET" => None,
        name => Some(format!("value of {name}")),
    }
}

/// Loads a text as the file `t.toml` of a folder of its own.
fn load_text(text: &str) -> Result<Target, TargetFileError> {
    let folder = std::env::temp_dir().join(format!("autograph-target-{}", folder_name(text)));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("t.toml");
    std::fs::write(&path, text).unwrap();
    let loaded = load(&path, &environment);
    std::fs::remove_dir_all(&folder).unwrap();
    loaded
}

/// Tests run at the same time, so each text has a folder of its own.
fn folder_name(text: &str) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    std::process::id().hash(&mut hasher);
    std::thread::current().id().hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

/// Where a text is wrong, and how: `2:7 gateway.url: …`.
fn problem(text: &str) -> String {
    match load_text(text).map(|_| ()) {
        Err(TargetFileError::Wrong { line, column, key, problem, .. }) => format!("{line}:{column} {key}: {problem}"),
        other => panic!("expected a wrong file, got {other:?}"),
    }
}

#[track_caller]
fn assert_problem(text: &str, start: &str, mentions: &str) {
    let problem = problem(text);
    assert!(problem.starts_with(start), "{problem:?} does not start with {start:?}");
    assert!(problem.contains(mentions), "{problem:?} does not mention {mentions:?}");
}

fn example() -> (std::path::PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/targets/example.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

#[test]
fn example_has_everything() {
    let target = load(&example().0, &environment).unwrap();
    for service in Service::ALL {
        assert!(target.has(Need::Address(service)), "{service}");
    }
    for need in [
        Need::Sql,
        Need::Redis,
        Need::ObjectStore,
        Need::Control,
        Need::Clock,
        Need::TestEndpoints,
        Need::Account,
        Need::SigningKey,
        Need::Log(Service::Gateway),
        Need::Log(Service::Auth),
    ] {
        assert!(target.has(need), "{need}");
    }
    assert!(!target.has(Need::Disposable));
    assert!(target.forwarded_for);
    assert_eq!(target.name, "staging");
    assert_eq!(target.services[&Service::Frontend].health, "/api/health");
    assert_eq!(target.postgres.as_ref().unwrap().password.expose(), "value of STAGING_POSTGRES_PASSWORD");
    assert_eq!(target.all_secrets().len(), 10);
    for key in ["STAGING_S3_ACCESS_KEY", "STAGING_S3_USER_ACCESS_KEY"] {
        let value = format!("value of {key}");
        assert!(target.all_secrets().iter().any(|secret| secret.expose() == value), "{key}");
    }
    let said = serde_json::json!({"accept_terms": true, "invite_code": "value of STAGING_INVITE"});
    assert_eq!(serde_json::Value::Object(target.rules.registration), said);
}

#[test]
fn accounts_and_registrations_are_checked() {
    let accounts = format!("{GATEWAY}[[accounts]]\nemail = \"guest\"\npassword_env = \"SET\"\n");
    assert_problem(&accounts, "4:9 accounts.email: ", "expected the address that the user signs in with");
    let invite = format!("{GATEWAY}[registration]\nfields = {{ invite_env = \"UNSET\" }}\n");
    assert_problem(&invite, "4:25 registration.fields.invite_env: ", "the environment variable UNSET is not set");
}

#[test]
fn documentation_names_every_key_of_the_example() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/target-file.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let (_, text) = example();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, _)) = line.split_once(" = ") {
            assert!(manual.contains(&format!("| `{key}` |")), "{key} is not documented");
        } else if line.starts_with('[') && !line.starts_with("[services.") {
            assert!(manual.contains(&format!("`{line}`")), "{line} is not documented");
        }
    }
}

#[test]
fn smallest_file_has_a_gateway_and_nothing_else() {
    let target = load_text("[gateway]\nurl = \"http://127.0.0.1:8080/base/\"\n").unwrap();
    assert_eq!(target.name, "t");
    assert_eq!(target.services[&Service::Gateway].base, "http://127.0.0.1:8080/base");
    assert_eq!(target.services[&Service::Gateway].health, "/health");
    assert!(!target.has(Need::Sql) && !target.has(Need::Control) && !target.has(Need::TestEndpoints));
}

#[test]
fn log_file_is_relative_to_the_target_file() {
    let target = load_text("[gateway]\nurl = \"http://h\"\nlog = { file = \"logs/gateway.log\" }\n").unwrap();
    let Some(LogSource::File(path)) = &target.services[&Service::Gateway].log else {
        panic!("expected a log file");
    };
    assert!(path.is_absolute() && path.ends_with("logs/gateway.log"), "{path:?}");
}

#[test]
fn missing_file_is_named() {
    let error = load(Path::new("/nowhere/t.toml"), &environment).err().unwrap();
    assert!(error.to_string().contains("/nowhere/t.toml"), "{error}");
}

#[test]
fn files_without_end_are_refused_and_not_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let (pipe, sparse) = (place.path().join("pipe.toml"), place.path().join("sparse.toml"));
    crate::disk::pipe(&pipe);
    std::fs::File::create(&sparse).unwrap().set_len(5 << 30).unwrap();
    let expected = [
        (pipe.as_path(), "it is a pipe, a socket, a device or a directory"),
        (Path::new("/dev/zero"), "it is a pipe, a socket, a device or a directory"),
        (sparse.as_path(), "it has more than 1 MB"),
    ];
    for (path, why) in expected {
        let told = load(path, &environment).err().unwrap().to_string();
        let start = format!("the target file {} cannot be read: {why}", path.display());
        assert!(told.starts_with(&start), "{told}");
    }
    let authorities = |ca: &Path| format!("{GATEWAY}[tls]\nca = \"{}\"\n", ca.display());
    assert_problem(&authorities(&pipe), "4:6 tls.ca: ", "pipe.toml: the file cannot be read (it is a pipe");
    assert_problem(&authorities(Path::new("/dev/zero")), "4:6 tls.ca: ", "/dev/zero: the file cannot be read");
    assert_problem(&authorities(&sparse), "4:6 tls.ca: ", "it has more than 4 MB");
}

#[test]
fn texts_have_bounds() {
    let name = |length| format!("name = \"{}\"\n{GATEWAY}", "é".repeat(length));
    assert_eq!(load_text(&name(200)).unwrap().name.chars().count(), 200);
    assert_problem(&name(201), "1:8 name: ", "at most 200 characters, and it has 201");
    let host = format!("{GATEWAY}[postgres]\nhost = \"{}\"\ndatabase = \"d\"\nuser = \"u\"\n", "h".repeat(4097));
    assert_problem(&host, "4:8 postgres.host: ", "at most 4096 characters");
    let command = format!("{GATEWAY}log = {{ command = [\"cat\", \"{}\"] }}\n", "a".repeat(4097));
    assert_problem(&command, "3:27 gateway.log.command: ", "at most 4096 characters");
    let key = format!("{GATEWAY}[registration]\nfields = {{ {} = 1 }}\n", "k".repeat(201));
    assert_problem(&key, "4:12 registration.fields: ", "expected a key of at most 200 characters");
}

#[test]
fn hosts_are_hosts_and_nothing_else() {
    for host in ["", "user:hunter2@h", "redis://h", "h/0", "a b", "h?x", "h\\n"] {
        let redis = format!("{GATEWAY}[redis]\nhost = \"{host}\"\n");
        assert_problem(&redis, "4:8 redis.host: ", "the name or address of a host");
        assert!(!problem(&redis).contains("hunter2"));
        let postgres = format!("{GATEWAY}[postgres]\nhost = \"{host}\"\ndatabase = \"d\"\nuser = \"u\"\n");
        assert_problem(&postgres, "4:8 postgres.host: ", "the name or address of a host");
    }
    for host in ["h", "db.example.com", "10.0.0.1", "::1", "under_score"] {
        let target = load_text(&format!("{GATEWAY}[redis]\nhost = \"{host}\"\n")).unwrap();
        assert_eq!(target.redis.unwrap().host, host);
    }
}

#[test]
fn message_has_file_line_column_and_key() {
    let error = load_text("[gateway]\nurl = \"gopher://x\"\n").err().unwrap().to_string();
    assert!(error.contains("t.toml:2:7: gateway.url: expected an address"), "{error}");
}

#[test]
fn text_that_is_no_toml_is_placed() {
    assert_problem("[gateway]\nurl = \n", "2:", "");
    assert_problem("[gateway\n", "1:9", "");
}

#[test]
fn unknown_keys_are_refused_with_what_there_is() {
    assert_problem("colour = 1\n", "1:1 colour: ", "`disposable`");
    assert_problem("[gateway]\nurl = \"http://h\"\nurls = 1\n", "3:1 gateway.urls: ", "`health`");
    assert_problem("[services.mail]\nurl = \"http://h\"\n", "1:11 services.mail: ", "`svg-renderer`");
}

#[test]
fn wrong_types_are_refused() {
    assert_problem("name = 3\n", "1:8 name: ", "string");
    assert_problem("[gateway]\nurl = 8080\n", "2:7 gateway.url: ", "string");
    let redis = format!("{GATEWAY}[redis]\nhost = \"h\"\nport = ");
    assert_problem(&format!("{redis}\"6379\"\n"), "5:8 redis.port: ", "u16");
    assert_problem(&format!("{redis}65536\n"), "5:8 redis.port: ", "u16");
    assert_problem(&format!("{redis}0\n"), "5:8 redis.port: ", "nonzero u16");
}

#[test]
fn missing_keys_are_named() {
    assert_problem("[gateway]\n", "1:1 gateway: ", "`url`");
    assert_problem(&format!("{GATEWAY}[postgres]\nhost = \"h\"\ndatabase = \"d\"\n"), "3:1 postgres: ", "`user`");
    assert_problem("name = \"empty\"\n", "1:1 gateway: ", "no service");
}

#[test]
fn addresses_are_checked() {
    for (url, mentions) in [
        ("gopher://h", "expected an address such as"),
        ("ftp://h", "http://127.0.0.1:8080"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://", "http://127.0.0.1:8080"),
        ("http://h/?a=b", "query"),
        ("http://h:99999", "port"),
        ("http://h:0", "a port from 1 to 65535"),
    ] {
        assert_problem(&format!("[gateway]\nurl = \"{url}\"\n"), "2:7 gateway.url: ", mentions);
    }
    assert_problem(&format!("{GATEWAY}health = \"health\"\n"), "3:10 gateway.health: ", "slash");
    let twice = format!("[services.gateway]\nurl = \"http://h\"\n{GATEWAY}");
    assert_problem(&twice, "4:7 gateway: ", "twice");
}

#[test]
fn credentials_are_never_inline_and_never_shown() {
    let postgres = format!("{GATEWAY}[postgres]\nhost = \"h\"\ndatabase = \"d\"\nuser = \"u\"\n");
    for line in ["password = \"hunter2\"", "password_env = \"hunter2\""] {
        let problem = problem(&format!("{postgres}{line}\n"));
        assert!(problem.contains("name of an environment variable"), "{problem}");
        assert!(!problem.contains("hunter2"), "{problem}");
    }
    let problem = problem("[gateway]\nurl = \"http://me:hunter2@h\"\n");
    assert!(problem.contains("without user and password") && !problem.contains("hunter2"), "{problem}");
}

#[test]
fn unset_and_empty_variables_are_refused() {
    for name in ["UNSET", "EMPTY"] {
        let text = format!("{GATEWAY}[tokens]\nsigning_key_env = \"{name}\"\n");
        assert_problem(&text, "4:19 tokens.signing_key_env: ", &format!("{name} is not set"));
    }
}

#[test]
fn log_is_a_file_a_container_or_a_command() {
    for log in ["{}", "{ file = \"a\", command = [\"b\"] }", "{ command = [] }", "{ container = \"a; b\" }"] {
        assert_problem(&format!("{GATEWAY}log = {log}\n"), "3:7 gateway.log: ", "one of");
    }
    let target = load_text(&format!("{GATEWAY}log = {{ container = \"autograph-gateway\" }}\n")).unwrap();
    let Some(LogSource::Command(words)) = &target.services[&Service::Gateway].log else {
        panic!("expected a command");
    };
    assert_eq!(words.last().map(String::as_str), Some("autograph-gateway"));
}

#[test]
fn what_is_forbidden_is_withheld() {
    let text = format!(
        "forbid = [\"control\", \"database writes\", \"/test/\"]\n{GATEWAY}[postgres]\nhost = \"h\"\ndatabase = \"d\"\n\
         user = \"u\"\n[control]\nstop = [\"a\", \"{{name}}\"]\nstart = [\"b\", \"{{name}}\"]\n"
    );
    let target = load_text(&text).unwrap();
    assert!(target.has(Need::Sql) && !target.has(Need::DatabaseWrites) && !target.has(Need::Control));
    assert!(target.rules.forbidden.iter().any(|rule| rule.covers("/test/memory?size_mb=1")));
    assert_problem(&format!("forbid = [\"control\", \"writing\"]\n{GATEWAY}"), "1:22 forbid: ", "database writes");
}

#[test]
fn headers_and_pace_are_checked() {
    let target = load_text(&format!("{GATEWAY}[headers]\ncorrelation_id = \"X-Request-ID\"\n")).unwrap();
    assert_eq!(target.rules.theirs("x-correlation-id"), "x-request-id");
    assert_eq!(target.rules.ours("x-request-id"), "x-correlation-id");
    assert_problem(&format!("{GATEWAY}[headers]\nuser_id = \"X User\"\n"), "4:11 headers.user_id: ", "X-Request-ID");
    for name in ["Host", "content-length", "Transfer-Encoding", "connection"] {
        let text = format!("{GATEWAY}[headers]\nidempotency_key = \"{name}\"\n");
        assert_problem(&text, "4:19 headers.idempotency_key: ", "how a request is sent");
    }
    assert_problem(&format!("requests_per_second = 1\n{GATEWAY}"), "1:23 requests_per_second: ", "at least 5");
}

#[test]
fn folders_must_be_there() {
    assert_problem(&format!("manifests = \"nowhere\"\n{GATEWAY}"), "1:13 manifests: ", "no folder");
    assert_problem(&format!("kubeconfig = \"nowhere\"\n{GATEWAY}"), "1:14 kubeconfig: ", "no file");
}

#[test]
fn clock_needs_test_endpoints() {
    assert_problem(&format!("{GATEWAY}[test]\nclock = true\n"), "4:9 test.clock: ", "endpoints = true");
}

#[test]
fn control_commands_must_say_which_service() {
    let text = format!("{GATEWAY}[control]\nstart = [\"true\", \"{{service}}\"]\nstop = [\"reboot\"]\n");
    assert_problem(&text, "5:8 control.stop: ", "{service}");
}

#[test]
fn column_counts_characters() {
    assert_problem("name = \"é\"\ngateway = { url = \"é\", health = 1 }\n", "2:33 gateway.health: ", "string");
}

#[test]
fn whatever_is_written_is_a_target_or_is_refused_by_its_place() {
    let (_, text) = example();
    for text in mutant_texts(&[&text, GATEWAY], 1000) {
        match load_text(&text).map(|_| ()) {
            Ok(()) => {}
            Err(TargetFileError::Wrong { line, column, .. }) => assert!(line > 0 && column > 0),
            Err(other) => assert!(other.to_string().contains("t.toml"), "{other}"),
        }
    }
    for deep in ["a = [", "a = {b = ", "[a.", "a."] {
        assert!(load_text(&deep.repeat(50_000)).is_err());
    }
}
