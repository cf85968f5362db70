//! One short look through each probe: does what a target file promises stand there?

use crate::actor::Signature;
use crate::check::{Case, Live, Patience, Pulse, Seen, Stop};
use crate::probe::{Reply, Store};
use crate::target::{LogSource, Need, Service, Target};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer is waited for here.
const SOON: Duration = Duration::from_secs(3);

/// Something that a target file may promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The health of a service.
    Health(Service),
    /// The log of a service.
    Log(Service),
    /// Signing in to PostgreSQL.
    Sql,
    /// A word with Redis.
    Redis,
    /// The list of buckets.
    ObjectStore,
    /// The key of the tokens.
    SigningKey,
    /// The probes under `/test/`.
    TestEndpoints,
    /// The test clock.
    Clock,
    /// The process of a service; nothing is stopped or started.
    Process(Service),
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// At what.
    pub at: Look,
    /// Whether it is there and can be used.
    pub works: bool,
    /// Whether anything answered at all.
    pub answered: bool,
    /// What was seen, in words.
    pub seen: String,
}

impl std::fmt::Display for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Look::Health(service) => write!(f, "health of {service}"),
            Look::Log(service) => write!(f, "log of {service}"),
            Look::Sql => f.write_str("PostgreSQL"),
            Look::Redis => f.write_str("Redis"),
            Look::ObjectStore => f.write_str("S3 store"),
            Look::SigningKey => f.write_str("key of tokens"),
            Look::TestEndpoints => f.write_str("test endpoints"),
            Look::Clock => f.write_str("test clock"),
            Look::Process(service) => write!(f, "process of {service}"),
        }
    }
}

impl Look {
    /// Every look that a target's file gives reason for.
    fn all(target: &Target) -> Vec<Look> {
        let services = || target.services.keys().copied();
        let logs = services().filter(|&service| target.has(Need::Log(service))).map(Look::Log);
        let others = [
            (Need::Sql, Look::Sql),
            (Need::Redis, Look::Redis),
            (Need::ObjectStore, Look::ObjectStore),
            (Need::SigningKey, Look::SigningKey),
            (Need::TestEndpoints, Look::TestEndpoints),
            (Need::Clock, Look::Clock),
        ];
        let others = others.into_iter().filter(|(need, _)| target.has(*need)).map(|(_, look)| look);
        let processes = services().take(1).filter(|_| target.has(Need::Control)).map(Look::Process);
        services().map(Look::Health).chain(logs).chain(others).chain(processes).collect()
    }

    /// Takes from a target what was promised and is not there.
    fn withhold(self, target: &mut Target) {
        match self {
            Look::Health(service) => drop(target.services.remove(&service)),
            Look::Log(service) => {
                if let Some(endpoint) = target.services.get_mut(&service) {
                    endpoint.log = None;
                }
            }
            Look::Sql => target.postgres = None,
            Look::Redis => target.redis = None,
            Look::ObjectStore => target.object_store = None,
            Look::SigningKey => target.signing_key = None,
            Look::TestEndpoints => target.test_endpoints = false,
            Look::Clock => target.clock = false,
            Look::Process(_) => target.control = None,
        }
    }

    async fn take(self, target: &Target) -> Looked {
        let patience = Patience { answer: SOON, ..Patience::default() };
        let live = Live::new(target.clone(), patience, Arc::<Pulse>::default(), 0);
        let mut case = Case::live(Arc::new(live), 0, 0, 0);
        let looked = match self {
            Look::Health(service) => answer(case.health(service).await, 200),
            Look::Log(service) => lines(&mut case, target, service).await,
            Look::Sql => case.rows("select current_user as who").await.map(|rows| signed_in(&rows)),
            Look::Redis => case.redis(0, &["PING"]).await.map(|reply| pong(&reply)),
            Look::ObjectStore => buckets(case.store(Store::Main).buckets().send().await),
            Look::SigningKey => key(&mut case).await,
            Look::TestEndpoints => answer(case.http(Service::Gateway).get("/api/auth/test/counter").send().await, 200),
            Look::Clock => answer(case.http(Service::Gateway).get("/test/clock").send().await, 200),
            Look::Process(service) => process(&mut case, target, service).await,
        };
        let (works, answered, seen) = match looked {
            // A log can be read, and a process be there, of a system that answers nobody.
            Ok((works, seen)) if matches!(self, Look::Log(_) | Look::Process(_)) => (works, false, seen),
            Ok((works, seen)) => (works, works || !seen.contains(SILENCE), seen),
            Err(stop) => (false, false, stop.to_string()),
        };
        Looked { at: self, works, answered, seen }
    }
}

/// How what was seen begins where nothing came.
const SILENCE: &str = "silence: ";

fn answer(reply: Result<Reply, Stop>, wanted: u16) -> Result<(bool, String), Stop> {
    let reply = reply?;
    let Some(status) = reply.status().number() else {
        return Ok((false, format!("{SILENCE}{}", reply.silence().text().unwrap_or("no answer"))));
    };
    let ms = reply.ms().number().unwrap_or_default();
    Ok((status == f64::from(wanted), format!("answers {status} in {ms:.0} ms")))
}

/// Rows that say who asks for them come only from a database that has let us in.
fn signed_in(rows: &Seen) -> (bool, String) {
    match rows.at("/0/who").text() {
        Some(who) => (true, format!("signed in as {who}")),
        None => (false, why_not(rows.value())),
    }
}

fn pong(reply: &Seen) -> (bool, String) {
    match reply.value() {
        Value::String(word) if word == "PONG" => (true, "answers PING with PONG".to_owned()),
        other => (false, why_not(other)),
    }
}

/// What a store has said, or why it has said nothing.
fn why_not(seen: &Value) -> String {
    match (seen["silence"].as_str(), seen["offence"].as_str()) {
        (Some(silence), Some(offence)) => format!("{SILENCE}{silence} ({offence})"),
        (Some(silence), None) => format!("{SILENCE}{silence}"),
        (None, _) => format!("answers otherwise than asked: {seen}"),
    }
}

/// Many a server answers 200 to whatever is asked; a store lists its buckets.
fn buckets(reply: Result<Reply, Stop>) -> Result<(bool, String), Stop> {
    let reply = reply?;
    let listed = reply.seen("/found").is_there();
    let (works, seen) = answer(Ok(reply), 200)?;
    Ok(if works && !listed { (false, format!("{seen}, and lists no buckets")) } else { (works, seen) })
}

async fn lines(case: &mut Case, target: &Target, service: Service) -> Result<(bool, String), Stop> {
    let start = case.log_start(service);
    let lines = case.lines(start, &[""], |_| true).await?;
    let json = lines.iter().filter(|line| line.keys() != ["text"]).count();
    let place = match target.services.get(&service).and_then(|endpoint| endpoint.log.as_ref()) {
        Some(LogSource::File(path)) => path.display().to_string(),
        Some(LogSource::Command(words)) => words.join(" "),
        None => String::new(),
    };
    Ok((true, format!("{json} of its first {} lines are JSON ({place})", lines.len())))
}

/// A token made with the key, for nobody: whoever has another key refuses it.
async fn key(case: &mut Case) -> Result<(bool, String), Stop> {
    let claims = json!({"sub": case.id(), "type": "access"});
    let token = case.forge(&claims, Some(60), Signature::Right).await?;
    let reply = case.http(Service::Gateway).get("/api/diagrams/").bearer(&token).send().await?;
    let (_, seen) = answer(Ok(reply), 200)?;
    let accepted = seen.starts_with("answers") && !seen.starts_with("answers 401");
    Ok((accepted, format!("a token made with it: {seen}")))
}

async fn process(case: &mut Case, target: &Target, service: Service) -> Result<(bool, String), Stop> {
    if !target.control.as_ref().is_some_and(|control| control.knows_pids()) {
        return Ok((true, "no `pid` command; stop and start are not tried".to_owned()));
    }
    let process = case.process(service).await?;
    let seen = match process.value() {
        Value::Null => "its process is not on this machine; stop and start are not tried".to_owned(),
        found => format!("process {}; stop and start are not tried", found["pid"]),
    };
    Ok((true, seen))
}

/// Looks at everything at the same time: what came of it, and the target as far as it can be used.
pub async fn look(target: &Target) -> (Vec<Looked>, Target) {
    let looks = Look::all(target).into_iter().map(|look| look.take(target));
    let looked = futures_util::future::join_all(looks).await;
    let mut usable = target.clone();
    for one in looked.iter().filter(|one| !one.works) {
        one.at.withhold(&mut usable);
    }
    (looked, usable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::{HostileStore, HostileStoreServer, Worthless, WorthlessServer};
    use crate::target::{Endpoint, ObjectStoreAccess, PostgresAccess, RedisAccess, Secret};

    /// A target whose stores are all to be at one place.
    fn target(port: u16) -> Target {
        let host = "127.0.0.1".to_owned();
        let secret = Secret::new("nobody asks for it");
        Target {
            postgres: Some(PostgresAccess {
                host: host.clone(),
                port,
                database: "a".to_owned(),
                user: "u".to_owned(),
                password: secret.clone(),
                tls: false,
            }),
            redis: Some(RedisAccess { host: host.clone(), port, password: None, tls: false }),
            object_store: Some(ObjectStoreAccess {
                endpoint: format!("http://{host}:{port}"),
                region: "us-east-1".to_owned(),
                access_key: "key".to_owned(),
                secret_key: secret,
                console: None,
                clock: false,
                user: None,
            }),
            ..Target::unreachable("a target")
        }
    }

    #[tokio::test]
    async fn what_does_not_speak_as_a_store_does_is_none() {
        let garbage = HostileStoreServer::start(HostileStore::PostgresGarbage).await.unwrap();
        let healthy = WorthlessServer::start(Worthless::AlwaysHealthy).await.unwrap();
        let port = healthy.base().rsplit(':').next().unwrap().parse().unwrap();
        // Nobody listens at the first.
        for port in [1, garbage.port(), port] {
            let (looked, usable) = look(&target(port)).await;
            assert_eq!(looked.len(), 3);
            for one in &looked {
                assert!(!one.works && one.seen.len() > 10, "{port}: {one:?}");
                assert_eq!(one.seen.starts_with(SILENCE), !one.answered, "{port}: {one:?}");
            }
            assert!([Need::Sql, Need::Redis, Need::ObjectStore].iter().all(|need| !usable.has(*need)));
        }
    }

    #[tokio::test]
    async fn a_log_that_its_command_cannot_print_is_none() {
        let mut target = Target::unreachable("a target");
        for (script, works) in [("echo '{\"a\":1}'; echo x", true), ("echo no such container; exit 1", false)] {
            let words = ["sh", "-c", script].map(str::to_owned).to_vec();
            let log = Some(LogSource::Command(words));
            target.services.insert(
                Service::Auth,
                Endpoint { base: "http://127.0.0.1:1".to_owned(), health: "/health".to_owned(), log },
            );
            let (looked, usable) = look(&target).await;
            let log = looked.iter().find(|one| one.at == Look::Log(Service::Auth)).unwrap();
            assert_eq!(log.works, works, "{log:?}");
            // Its health goes with the service.
            assert!(!usable.has(Need::Log(Service::Auth)));
        }
    }
}
