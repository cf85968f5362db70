//! The native backend in earnest: servers, stacks, and that nothing is left of them.

use harness::provision::{Alteration, Backend, BackendChoice, Options, Rewrite, Servers, Stack, StackSpec};
use harness::record::Record;
use harness::target::{Control, LogSource, Own, Service, Target};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn options() -> Options {
    Options {
        cluster: None,
        choice: BackendChoice::Native,
        install: false,
        conform: PathBuf::from(env!("CARGO_BIN_EXE_conform")),
        announce: Arc::new(|line| eprintln!("{line}")),
    }
}

fn spec(name: &str, services: &'static [Service]) -> StackSpec {
    StackSpec { name: name.into(), own: Own::of(services), alterations: Vec::new(), fresh_seed: 1 }
}

async fn status(target: &Target, service: Service) -> Option<u16> {
    let endpoint = &target.services[&service];
    let url = format!("{}{}", endpoint.base, endpoint.health);
    let reply = reqwest::get(url).await.ok()?;
    Some(reply.status().as_u16())
}

fn log(target: &Target, service: Service) -> String {
    match &target.services[&service].log {
        Some(LogSource::File(path)) => std::fs::read_to_string(path).unwrap(),
        other => panic!("the log of {service} is {other:?}"),
    }
}

fn control(stack: &Stack) -> Arc<dyn Control> {
    stack.target.control.clone().unwrap()
}

fn runs_folder(target: &Target) -> PathBuf {
    match &target.services[&Service::Gateway].log {
        Some(LogSource::File(path)) => path.parent().and_then(Path::parent).unwrap().to_owned(),
        other => panic!("the log is {other:?}"),
    }
}

fn is_alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_of_ten_comes_up_obeys_and_leaves_nothing() {
    let begun = Instant::now();
    let servers = Servers::start(options()).await.unwrap();
    let servers_took = begun.elapsed();
    assert_eq!(servers.backend(), Backend::Native);
    let facts = servers.facts();
    for name in ["backend", "why", "postgresql", "redis", "object_store"] {
        assert!(facts.contains_key(name), "no {name} in {facts:?}");
    }

    let begun = Instant::now();
    let shared = servers.stack(&spec("shared", &Service::ALL)).await.unwrap();
    let shared_took = begun.elapsed();
    const OWN: [Service; 3] = [Service::Gateway, Service::Auth, Service::Diagram];
    let begun = Instant::now();
    let three = servers.stack(&spec("f041", &OWN)).await.unwrap();
    let three_took = begun.elapsed();
    eprintln!("servers {servers_took:?}, ten services {shared_took:?}, three {three_took:?}");

    for service in Service::ALL {
        assert_eq!(status(&shared.target, service).await, Some(200), "{service}");
    }
    let control_of_shared = control(&shared);
    let mut pids = Vec::new();
    for service in Service::ALL {
        pids.push(control_of_shared.pid(service).await.unwrap());
    }

    control_of_shared.stop(Service::Auth).await.unwrap();
    assert_eq!(status(&shared.target, Service::Auth).await, None);
    assert!(control_of_shared.pid(Service::Auth).await.is_err());
    assert_eq!(status(&three.target, Service::Auth).await, Some(200));
    control_of_shared.start(Service::Auth).await.unwrap();
    assert_eq!(status(&shared.target, Service::Auth).await, Some(200));
    pids.push(control_of_shared.pid(Service::Auth).await.unwrap());

    let missing = control(&three).stop(Service::Frontend).await.unwrap_err();
    assert!(missing.to_string().contains("frontend"), "{missing}");

    let folder = runs_folder(&shared.target);
    drop(control_of_shared);
    let begun = Instant::now();
    three.stop().await;
    let stack_stop = begun.elapsed();
    shared.stop().await;
    let begun = Instant::now();
    servers.stop().await;
    eprintln!("own stack stopped in {stack_stop:?}, servers in {:?}", begun.elapsed());
    assert!(pids.into_iter().all(|pid| !is_alive(pid)));
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_stack_is_altered_where_it_was_asked() {
    let servers = Servers::start(options()).await.unwrap();
    let altered = StackSpec {
        own: Own::of(&[Service::Gateway, Service::Auth, Service::Diagram, Service::Frontend]).silent(&[Service::Ai]),
        alterations: vec![
            Alteration::Env { service: Service::Auth, name: "LOG_LEVEL", value: "ERROR" },
            Alteration::Sql("create table left_by_the_test (id int)"),
            Alteration::MuteLog(Service::Diagram),
            Alteration::RewriteReply { service: Service::Frontend, path: "/api/health", rewrite: Rewrite::Status(418) },
        ],
        ..spec("altered", &[])
    };
    let sound = spec("sound", &[Service::Diagram]);
    let (stack, sound) = tokio::join!(servers.stack(&altered), servers.stack(&sound));
    let (stack, sound) = (stack.unwrap(), sound.unwrap());
    let target = &stack.target;

    assert_eq!(status(target, Service::Diagram).await, Some(200));
    assert_eq!(log(target, Service::Diagram), "");
    assert!(!log(&sound.target, Service::Diagram).is_empty());
    assert_eq!(status(target, Service::Frontend).await, Some(418));
    assert!(target.silent.contains(&Service::Ai) && !target.services.contains_key(&Service::Ai));
    assert_eq!(tables(target).await, 1);
    assert_eq!(tables(&sound.target).await, 0);

    stack.stop().await;
    sound.stop().await;
    servers.stop().await;
}

/// How many tables of the name that the alteration makes there are.
async fn tables(target: &Target) -> i64 {
    use sqlx::Connection;
    let access = target.postgres.as_ref().unwrap();
    let options = sqlx::postgres::PgConnectOptions::new()
        .host(&access.host)
        .port(access.port)
        .username(&access.user)
        .password(access.password.expose())
        .database(&access.database);
    let mut connection = sqlx::PgConnection::connect_with(&options).await.unwrap();
    let count = "select count(*) from pg_tables where tablename = 'left_by_the_test'";
    sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_s3_store_has_its_buckets_and_wants_signatures() {
    let servers = Servers::start(options()).await.unwrap();
    let stack = servers.stack(&spec("s3", &[Service::Diagram])).await.unwrap();
    let access = stack.target.object_store.clone().unwrap();
    let unsigned = reqwest::get(format!("{}/diagrams", access.endpoint)).await.unwrap();
    assert_eq!(unsigned.status().as_u16(), 403);

    let key = rusty_s3::Credentials::new(access.access_key.clone(), access.secret_key.expose());
    for name in ["diagrams", "exports", "uploads"] {
        let endpoint = access.endpoint.parse().unwrap();
        let style = rusty_s3::UrlStyle::Path;
        let bucket = rusty_s3::Bucket::new(endpoint, style, name, access.region.clone()).unwrap();
        let head = rusty_s3::actions::HeadBucket::new(&bucket, Some(&key));
        let url = rusty_s3::S3Action::sign(&head, Duration::from_secs(60));
        // The diagram service makes them after its start, without holding that up.
        let begun = Instant::now();
        let status = loop {
            let reply = reqwest::Client::new().head(url.clone()).send().await.unwrap();
            let status = reply.status().as_u16();
            if status == 200 || begun.elapsed() > Duration::from_secs(20) {
                break status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(status, 200, "{name}");
    }
    stack.stop().await;
    servers.stop().await;
}

/// An engine that has every image and starts nothing; it answers until the test ends.
fn engine_that_starts_nothing() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || answer_as_engine(&connection));
        }
    });
    address
}

/// One request, one answer, and the connection ends.
fn answer_as_engine(mut connection: &TcpStream) {
    let mut lines = BufReader::new(connection);
    let mut request = String::new();
    lines.read_line(&mut request).unwrap_or_default();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).unwrap_or_default() == 0 || line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    std::io::copy(&mut lines.take(length), &mut std::io::sink()).unwrap_or_default();
    let (status, body) = match request {
        asked if asked.contains("/_ping") => ("200 OK", "OK"),
        asked if asked.contains("/version") => ("200 OK", r#"{"Version": "1.2.3", "ApiVersion": "1.44"}"#),
        asked if asked.contains("/containers/json") => ("200 OK", "[]"),
        asked if asked.contains("/containers/create") => {
            ("500 Internal Server Error", r#"{"message": "no room left"}"#)
        }
        _ => ("200 OK", "{}"),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n");
    write!(connection, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap_or_default();
}

#[test]
fn an_engine_that_starts_no_container_is_done_without() {
    let engine = engine_that_starts_nothing();
    let place = tempfile::tempdir().unwrap();
    let record = place.path().join("record");
    let run = |backend: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_conform"));
        command.args(["run", "2", "--backend", backend, "--no-install", "--record"]).arg(record.join(backend));
        command.env("DOCKER_HOST", format!("tcp://{engine}"));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, told) = run("auto");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("no room left") && told.contains("going on without containers"), "{told}");
    let header = Record::read(&record.join("auto")).unwrap().header;
    assert_eq!(header.backend, "native");
    assert!(header.facts["why"].contains("no room left"), "{:?}", header.facts);

    let (code, _) = run("docker");
    assert_eq!(code, Some(3), "who asks for containers gets nothing else");
}
