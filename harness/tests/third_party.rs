//! A system that others wrote, in another language (`fixtures/targets/python`): each feature gets the verdict that a
//! person who reads its source would give.

use harness::catalogue::Catalogue;
use harness::check::Patience;
use harness::outcome::{Outcome, Verdict};
use harness::provision::external;
use harness::record::Record;
use harness::runner::{Rounds, Session, Subject, conduct};
use harness::target::{Service, Target};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio_rustls::TlsAcceptor;

/// The key of the system's tokens, and the variable that holds it here.
const KEY: (&str, &str) = ("PYTHON_JWT_SECRET", "a key of its own, for this test");
/// What the ports in its target file are moved by.
const OFFSET: u16 = 20_000;

/// Feature, and the verdicts of its steps: `p`ass, `f`ail, `s`kip. Where the contract calls the original loose, the
/// system mostly is, too, and fails.
const VERDICTS: [(u16, &str); 19] = [
    // svg-renderer and the frontend have no route.
    (7, "pppppppfp"),
    // Tokens without an end or without an owner are admitted.
    (8, "ppppppppf"),
    // Each path has a counter of its own.
    (9, "ppppfss"),
    (11, "pppppppppppss"),
    // The probe that logs has an id of its own in its answer, as the contract says; the logs decide.
    (12, "pppppppp"),
    // Seven of ten services have no metrics.
    (19, "ffffffff"),
    (21, "sssssss"),
    // A preflight for a protected path is refused for want of a token.
    (33, "ppffppfs"),
    // A replay needs no token. The list of diagrams is a stub, so a probe that counts itself is asked.
    (36, "ppppfpp"),
    // On forwarding lines the gateway calls itself by the other service's name.
    (37, "pppppfpp"),
    // It runs at INFO, and nobody here starts it at another level.
    (38, "pppppsss"),
    (39, "ppppsss"),
    // Only the gateway logs durations, and it knows nothing of queries.
    (40, "pppppff"),
    // Its database is none that explains what a query costs.
    (41, "pppfsss"),
    (42, "ppppsss"),
    (43, "fssssss"),
    (44, "fssssss"),
    (46, "fsssssss"),
    (50, "fsssssss"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The system, which ends with the value, and its target.
struct System {
    target: Target,
    _up: Child,
    folder: tempfile::TempDir,
}

/// Starts it on free ports; nothing where there is no Python to start it with.
async fn start() -> Option<System> {
    let folder = tempfile::tempdir().unwrap();
    let offset = free_offset();
    let up = Command::new("python3")
        .arg(root().join("fixtures/targets/python/autograph.py"))
        .args(["up", "--offset", &offset.to_string(), "--run"])
        .arg(folder.path())
        .env("JWT_SECRET", KEY.1)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let up = match up {
        Ok(up) => up,
        Err(error) => {
            eprintln!("SKIPPED: python3 cannot be started ({error}), so nothing was asked of a third party");
            return None;
        }
    };
    let target = target(folder.path(), offset);
    for service in Service::ALL {
        until_healthy(&target, service, folder.path()).await;
    }
    Some(System { target, _up: up, folder })
}

/// By which all ports of the contract can be moved to where nobody listens.
fn free_offset() -> u16 {
    let is_free = |offset: &u16| {
        let mut ports = Service::ALL.iter().map(|service| service.default_port() + offset);
        ports.all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
    };
    // No two tests look at the same ports: what is free now is perhaps about to be taken by the other.
    static STARTED: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 100) as u16 * 100 + STARTED.fetch_add(1, Ordering::Relaxed) * 50;
    // Below 32768, from where Linux takes ports for outgoing connections, as any process may at any moment.
    (first..24_600).step_by(100).find(is_free).expect("ten free ports")
}

/// As the file in the repository has it, with other ports and logs, without power over it, and with its key.
fn target(folder: &Path, offset: u16) -> Target {
    let text = fs::read_to_string(root().join("fixtures/targets/python.toml")).unwrap();
    let mut text = text.split("\n# From the root").next().unwrap().replace("../../target/python/", "");
    for service in Service::ALL {
        let port = service.default_port();
        text = text.replace(&format!(":{}\"", port + OFFSET), &format!(":{}\"", port + offset));
    }
    text.push_str(&format!("\n[tokens]\nsigning_key_env = \"{}\"\n", KEY.0));
    let file = folder.join("python.toml");
    fs::write(&file, text).unwrap();
    external::load(&file, &|name| (name == KEY.0).then(|| KEY.1.to_owned())).unwrap()
}

async fn until_healthy(target: &Target, service: Service, run: &Path) {
    let endpoint = &target.services[&service];
    let url = format!("{}{}", endpoint.base, endpoint.health);
    for _ in 0..600 {
        if reqwest::get(&url).await.is_ok_and(|answer| answer.status() == 200) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let log = fs::read_to_string(run.join(format!("{}.log", service.short())));
    panic!("{url} does not answer; its log: {log:?}");
}

fn verdicts(outcome: &Outcome) -> String {
    let sign = |verdict| match verdict {
        Verdict::Pass => 'p',
        Verdict::Fail => 'f',
        Verdict::Skip => 's',
        Verdict::Error => 'E',
        _ => '?',
    };
    outcome.steps.iter().map(|step| sign(step.verdict)).collect()
}

/// Every feature that was run whose steps came out otherwise, with what was wanted, and the first thing that did not hold.
fn differences(record: &Record, audit: &[(u16, &str)]) -> Vec<String> {
    let mut all = Vec::new();
    for &(feature, wanted) in audit {
        let Some(outcome) = record.outcomes.iter().find(|outcome| outcome.feature == feature) else {
            continue;
        };
        let found = verdicts(outcome);
        if found != wanted {
            let reasons: Vec<String> = outcome
                .steps
                .iter()
                .flat_map(|step| {
                    let wrong = step.expectations.iter().filter(|one| !one.holds).take(2);
                    let wrong = wrong.map(|one| {
                        format!("{}: {} is {}, not {}", step.step, one.requirement, one.observed, one.expected)
                    });
                    wrong.chain(step.reason.clone()).collect::<Vec<_>>()
                })
                .collect();
            all.push(format!("f{feature:03}: {found}, not {wanted}\n    {}", reasons.join("\n    ")));
        }
    }
    all
}

fn session(system: &System, target: Target) -> Session {
    Session {
        subject: Subject::External(Box::new(target)),
        catalogue: Catalogue::load(root().join("features/feature_list.json")).unwrap(),
        numbers: VERDICTS.map(|(feature, _)| feature).to_vec(),
        record: system.folder.path().join("record"),
        resumes: false,
        rounds: Rounds::ONE,
        jobs: 4,
        patience: Patience { answer: Duration::from_secs(20), ..Patience::default() },
        seed: 41,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_party_gets_the_verdicts_that_its_source_deserves() {
    let Some(system) = start().await else {
        return;
    };
    let session = session(&system, system.target.clone());
    let record = Record::read(&conduct(session, |_| ()).await.unwrap()).unwrap();
    assert!(record.finished());
    assert_eq!(record.outcomes.len(), VERDICTS.len());
    let differences = differences(&record, &VERDICTS);
    assert!(differences.is_empty(), "\n{}\n", differences.join("\n"));
    for (feature, most, asked) in [(7, 6, "/api/render/health"), (9, 5, "/api/diagrams/"), (33, 1, "-X OPTIONS")] {
        failure_is_shown_again(&system, &record, feature, most, asked).await;
    }
}

/// Of two features that only watch ordinary requests most is decided where a system has no probes to be asked.
const WITHOUT_PROBES: [(u16, &str); 2] = [(12, "ppppppss"), (37, "pppppfpp")];

#[tokio::test(flavor = "multi_thread")]
async fn without_its_probes_a_system_is_judged_by_ordinary_requests() {
    let Some(system) = start().await else {
        return;
    };
    let file = system.folder.path().join("python.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("endpoints = true"));
    fs::write(&file, text.replace("endpoints = true", "endpoints = false")).unwrap();
    let target = external::load(&file, &|name| (name == KEY.0).then(|| KEY.1.to_owned())).unwrap();
    let session = Session { numbers: WITHOUT_PROBES.map(|(feature, _)| feature).to_vec(), ..session(&system, target) };
    let record = Record::read(&conduct(session, |_| ()).await.unwrap()).unwrap();
    let differences = differences(&record, &WITHOUT_PROBES);
    assert!(differences.is_empty(), "\n{}\n", differences.join("\n"));
}

/// Stands before a port and speaks TLS there: the new port, and what it proves itself by.
async fn tls_before(port: u16) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let before = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut near = acceptor.accept(near).await?;
                let mut far = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    (before, made.cert.pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn within_tls_the_verdicts_are_the_same() {
    let Some(system) = start().await else {
        return;
    };
    let file = system.folder.path().join("python.toml");
    let mut text = fs::read_to_string(&file).unwrap();
    let mut authorities = String::new();
    for service in Service::ALL {
        let plain = &system.target.services[&service].base;
        let port = plain.rsplit(':').next().unwrap().parse().unwrap();
        let (before, proof) = tls_before(port).await;
        text = text.replace(&format!("\"{plain}\""), &format!("\"https://127.0.0.1:{before}\""));
        authorities.push_str(&proof);
    }
    fs::write(system.folder.path().join("ca.pem"), authorities).unwrap();
    fs::write(&file, format!("{text}\n[tls]\nca = \"ca.pem\"\n")).unwrap();
    let target = external::load(&file, &|name| (name == KEY.0).then(|| KEY.1.to_owned())).unwrap();
    assert!(target.services.values().all(|service| service.base.starts_with("https://")));
    let session = Session { numbers: vec![11, 36, 37], ..session(&system, target) };
    let record = Record::read(&conduct(session, |_| ()).await.unwrap()).unwrap();
    let differences = differences(&record, &VERDICTS);
    assert!(differences.is_empty(), "\n{}\n", differences.join("\n"));
}

/// `conform repro` prints a script of at most so many observations, fewer than the check makes, and this is in it.
async fn failure_is_shown_again(system: &System, record: &Record, feature: u16, most: usize, asked: &str) {
    let ran = Command::new(env!("CARGO_BIN_EXE_conform"))
        .args(["repro", "--answer-within", "20s", "--target"])
        .arg(system.folder.path().join("python.toml"))
        .arg(&record.dir)
        .arg(feature.to_string())
        .current_dir(root())
        .env(KEY.0, KEY.1)
        .output()
        .await
        .unwrap();
    let (script, told) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    assert_eq!(ran.status.code(), Some(0), "f{feature:03}: {told}{script}");
    let count = script.lines().filter(|line| line.starts_with("# Observation ")).count();
    let of = record.evidence(feature).unwrap().unwrap().observations.len();
    assert!((1..=most).contains(&count) && count < of, "f{feature:03}: {count} of {of}\n{script}");
    let (_, failure) = record.outcome(feature).unwrap().first_failure().unwrap();
    assert!(script.contains(&format!("# Requirement: {}\n", failure.requirement)), "{script}");
    let last = script.lines().rfind(|line| line.starts_with("curl ")).unwrap();
    assert!(last.contains(asked), "{script}");
    assert!(!script.contains(KEY.1), "{script}");
    let file = system.folder.path().join(format!("f{feature:03}.sh"));
    fs::write(&file, &script).unwrap();
    let read = Command::new("sh").arg("-n").arg(&file).status().await.unwrap();
    assert!(read.success(), "{script}");
    script_shows_it(&file, &failure.observed.to_string()).await;
}

/// Whoever runs the script sees the same status at its end.
async fn script_shows_it(file: &Path, status: &str) {
    for tool in ["curl", "jq"] {
        if Command::new(tool).arg("--version").output().await.is_err() {
            eprintln!("SKIPPED: there is no {tool}, so {} was not run", file.display());
            return;
        }
    }
    let ran = Command::new("sh").arg(file).output().await.unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let last = said.lines().rfind(|line| line.starts_with("HTTP/")).unwrap_or_default();
    assert!(last.contains(&format!(" {status}")), "{last} in place of {status}\n{said}");
}
