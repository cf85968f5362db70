//! Feature 18: a service that is told to stop first finishes the requests it has begun.

use crate::actor::Actor;
use crate::check::{Case, Check, Stop, absent, is, one_of, present};
use crate::probe::{Held, Pending, Reply};
use crate::sabotage::set_variable;
use crate::target::{Need, Own, Power, Service, Setup, Signal};
use serde_json::json;
use std::time::Duration;

/// One of every kind: the way in, two that keep data, one that does not.
const SERVICES: [Service; 4] = [Service::Gateway, Service::Auth, Service::Diagram, Service::Ai];
/// Sleeps as long as it is asked to. The contract has it at auth-service (section 3.9); ai-service may have it.
const SLOW: &str = "/test/slow?delay=";
/// A process that has nothing more to do is gone within this; far less than the 30 s that a drain may last.
const SOON: Duration = Duration::from_secs(8);
/// How long the harness itself waits for an answer: longer than anything that is waited for here.
const LONGEST: Duration = Duration::from_secs(60);
/// A new request is sent so often at most, for a signal takes a moment to arrive.
const TRIES: usize = 50;

pub const CHECK: Check = Check {
    feature: 18,
    revision: 3,
    setup: Setup::Own(Own::of(&SERVICES)),
    needs: &[
        Need::Address(Service::Gateway),
        Need::Address(Service::Auth),
        Need::TestEndpoints,
        Need::Power(Power::Signal),
    ],
    control: "a service with nothing under way exits at once, and a request that never ends is not waited for",
    sabotage: &[
        set_variable("auth-service waits 3 s for its requests", Service::Auth, "SHUTDOWN_SECONDS", "3"),
        set_variable("ai-service waits an hour for its requests", Service::Ai, "SHUTDOWN_SECONDS", "3600"),
        set_variable("the gateway waits 3 s for its requests", Service::Gateway, "SHUTDOWN_SECONDS", "3"),
    ],
    run: |case| Box::pin(run(case)),
};

/// Requests under way at one service: some of 5 s and one of 20 s.
struct UnderWay {
    service: Service,
    short: Vec<Pending>,
    long: Pending,
}

/// A diagram that is about to be written when the signal comes.
struct Writing {
    lock: Held,
    title: String,
    request: Pending,
}

async fn run(case: &mut Case) -> Result<(), Stop> {
    let actor = case.actor().await?;
    let token = case.token_of(&actor).await?;
    let ai = ai_can_be_slow(case).await?;
    let services = if ai { &SERVICES[..] } else { &SERVICES[..3] };

    case.step(1, "A request that takes 5 s is under way");
    let writing = start_writing(case, &actor).await?;
    let before = case.moment();
    let mut under_way = vec![start(case, Service::Gateway)?, start(case, Service::Auth)?];
    case.until_waiting(Service::Auth, "slow", 6).await?;
    if ai {
        under_way.push(start(case, Service::Ai)?);
        case.until_waiting(Service::Ai, "slow", 3).await?;
    }
    for one in &under_way {
        let answered = case.is_answered(&one.short[0]).await?;
        case.expect(format!("request to {} answered as soon as it was sent", one.service), &answered, is(false));
    }

    case.step(2, "The service receives SIGTERM while the request runs");
    for &service in services {
        let mark = if case.can(Need::Log(service)) { Some(case.mark(service).await?) } else { None };
        case.signal(service, Signal::Terminate).await?;
        let Some(mark) = mark else { continue };
        let in_flight = match service {
            Service::Auth => 6,
            Service::Diagram => 1,
            _ => 3,
        };
        // No step demands a line about it, but one that counts must count right (contract, section 3.2).
        let lines = case.lines(mark, &["in_flight_requests"], |_| true).await?;
        if let Some(line) = lines.first() {
            case.expect(format!("signal in the log of {service}"), line.at("/signal"), is("SIGTERM"));
            let counted = line.at("/in_flight_requests");
            case.expect(format!("requests under way that {service} counts"), counted, is(in_flight));
        }
    }

    case.step(5, "A request that arrives after the signal is answered 503");
    newcomers_are_refused(case, services, &actor, &token).await?;

    case.step(3, "The service stays up until the request is done");
    case.pass_until(before, Duration::from_millis(2500)).await?;
    for one in &under_way {
        let answered = case.is_answered(&one.short[0]).await?;
        case.expect(format!("request to {} answered within 2.5 s", one.service), &answered, is(false));
    }
    for &service in services {
        still_there(case, service, "2.5 s after the requests were sent").await?;
    }
    let answered = case.is_answered(&writing.request).await?;
    case.expect("writing of the diagram answered while the database holds it up", &answered, is(false));

    case.step(4, "The request is answered 200");
    case.pass_until(before, Duration::from_millis(5400)).await?;
    let mut rest = Vec::new();
    for UnderWay { service, mut short, long } in under_way {
        let reply = case.answer(short.remove(0)).await?;
        case.expect(format!("status from {service}"), reply.status(), is(200));
        rest.push((service, short, long));
    }

    case.step(7, "Several requests under way at the signal are all answered");
    let mut last = Vec::new();
    for (service, short, long) in rest {
        for pending in short {
            let reply = case.answer(pending).await?;
            case.expect(format!("status of the other request of 5 s to {service}"), reply.status(), is(200));
        }
        last.push((service, long));
    }
    finish_writing(case, writing).await?;
    case.pass_until(before, Duration::from_secs(12)).await?;
    for (service, long) in &last {
        let answered = case.is_answered(long).await?;
        case.expect(format!("request of 20 s to {service} answered within 12 s"), &answered, is(false));
        still_there(case, *service, "while a request of 20 s is under way").await?;
    }
    case.pass_until(before, Duration::from_millis(20_400)).await?;
    for (service, long) in last {
        let reply = case.answer(long).await?;
        case.expect(format!("status of the request of 20 s to {service}"), reply.status(), is(200));
    }

    case.step(6, "With the last answer sent, the process exits");
    for &service in services {
        exits(case, service, "after its last answer").await?;
        let gone = health(case, service).await?;
        case.expect(format!("what is heard of {service} afterwards"), gone.silence(), present());
    }
    idle_and_interrupted(case).await?;
    if ai {
        endless(case).await?;
    }
    Ok(())
}

async fn ai_can_be_slow(case: &mut Case) -> Result<bool, Stop> {
    if !case.can(Need::Address(Service::Ai)) {
        return Ok(false);
    }
    let reply = case.http(Service::Ai).get(&format!("{SLOW}0")).send().await?;
    Ok(reply.status().number() == Some(200.0))
}

/// Two requests of 5 s and one of 20 s.
fn start(case: &mut Case, service: Service) -> Result<UnderWay, Stop> {
    let prefix = if service == Service::Gateway { "/api/auth" } else { "" };
    let mut start = |seconds: u8| {
        let path = format!("{prefix}{SLOW}{seconds}");
        case.http(service).get(&path).deadline(LONGEST).start()
    };
    Ok(UnderWay { service, short: vec![start(5)?, start(5)?], long: start(20)? })
}

async fn start_writing(case: &mut Case, actor: &Actor) -> Result<Writing, Stop> {
    let lock = case.hold("lock table files in access exclusive mode").await?;
    let title = case.word();
    let post = case.http(Service::Diagram).post("/").header("x-user-id", &actor.id);
    let request = post.json(json!({"title": title})).deadline(LONGEST).start()?;
    let waits = "select count(*) as waiting from pg_stat_activity \
         where datname = current_database() and wait_event_type = 'Lock'";
    let waiting = case.rows_until(waits, LONGEST, |rows| rows[0]["waiting"] == 1).await?;
    case.require("statements of diagram-service that wait for the database", waiting.at("/0/waiting"), is(1))?;
    Ok(Writing { lock, title, request })
}

async fn finish_writing(case: &mut Case, writing: Writing) -> Result<(), Stop> {
    case.release(writing.lock, Duration::ZERO).await?;
    let reply = case.answer(writing.request).await?;
    case.expect("status of the diagram that was being written", reply.status(), one_of([200, 201]));
    let title = &writing.title;
    let written = case.rows(&format!("select count(*) as written from files where title = '{title}'")).await?;
    case.expect("diagrams of that title in the database", written.at("/0/written"), is(1));
    Ok(())
}

async fn newcomers_are_refused(case: &mut Case, services: &[Service], actor: &Actor, token: &str) -> Result<(), Stop> {
    for &service in services {
        let mut refused = health(case, service).await?;
        for _ in 1..TRIES {
            if refused.status().number() == Some(503.0) {
                break;
            }
            refused = health(case, service).await?;
        }
        case.expect(format!("status of {service}'s health"), refused.status(), is(503));
        case.expect(format!("what {service} says about it"), refused.at("/detail"), present());
    }
    let body = json!({"email": actor.email, "password": actor.password});
    let sign_in = case.http(Service::Gateway).post("/api/auth/login").json(body.clone()).send().await?;
    case.expect("status of signing in over the gateway", sign_in.status(), is(503));
    let list = case.http(Service::Gateway).get("/api/diagrams/").bearer(token).send().await?;
    case.expect("status of a protected path with a token", list.status(), is(503));
    let sign_in = case.http(Service::Auth).post("/login").json(body).send().await?;
    case.expect("status of signing in at auth-service itself", sign_in.status(), is(503));
    if services.contains(&Service::Ai) {
        let slow = case.http(Service::Ai).get(&format!("{SLOW}0")).send().await?;
        case.expect("status of a request to ai-service itself", slow.status(), is(503));
    }
    let list = case.http(Service::Diagram).get("/").header("x-user-id", &actor.id).send().await?;
    case.expect("status of a list of diagrams at diagram-service itself", list.status(), is(503));
    Ok(())
}

/// It refuses, so it lives; and its process has not ended.
async fn still_there(case: &mut Case, service: Service, when: &str) -> Result<(), Stop> {
    let refused = health(case, service).await?;
    case.expect(format!("status of {service}'s health {when}"), refused.status(), is(503));
    let ended = case.ended(service, Duration::ZERO).await?;
    case.expect(format!("end of {service}'s process {when}"), &ended, absent());
    Ok(())
}

async fn exits(case: &mut Case, service: Service, when: &str) -> Result<(), Stop> {
    let ended = case.ended(service, SOON).await?;
    if ended.at("/gone").is_there() {
        // A process that is not the harness's own tells nobody else how it ended.
        case.expect(format!("whether the process of {service} is gone {when}"), ended.at("/gone"), is(true));
        return Ok(());
    }
    case.expect(format!("exit code of {service} {when}"), ended.at("/code"), is(0));
    Ok(())
}

/// A service without requests exits at once; SIGINT means the same as SIGTERM.
async fn idle_and_interrupted(case: &mut Case) -> Result<(), Stop> {
    case.start_service(Service::Auth).await?;
    case.start_service(Service::Diagram).await?;
    case.signal(Service::Diagram, Signal::Terminate).await?;
    exits(case, Service::Diagram, "told to stop while nothing is under way").await?;
    let before = case.moment();
    let pending = case.http(Service::Auth).get("/test/slow?delay=5").deadline(LONGEST).start()?;
    case.until_waiting(Service::Auth, "slow", 1).await?;
    case.signal(Service::Auth, Signal::Interrupt).await?;
    case.pass_until(before, Duration::from_millis(2500)).await?;
    let answered = case.is_answered(&pending).await?;
    case.expect("request of 5 s answered 2.5 s after SIGINT", &answered, is(false));
    case.pass_until(before, Duration::from_millis(5400)).await?;
    let reply = case.answer(pending).await?;
    case.expect("status of a request under way at SIGINT", reply.status(), is(200));
    exits(case, Service::Auth, "after SIGINT and its last answer").await
}

/// What never ends is cut off after 30 s.
async fn endless(case: &mut Case) -> Result<(), Stop> {
    case.start_service(Service::Ai).await?;
    let endless = case.http(Service::Ai).get("/test/slow?delay=36000").deadline(LONGEST).start()?;
    case.until_waiting(Service::Ai, "slow", 1).await?;
    let before = case.moment();
    case.signal(Service::Ai, Signal::Terminate).await?;
    case.until_waiting(Service::Ai, "drain", 1).await?;
    let after = case.moment();
    case.pass_until(before, Duration::from_millis(28_500)).await?;
    still_there(case, Service::Ai, "28.5 s after the signal").await?;
    case.pass_until(after, Duration::from_millis(30_500)).await?;
    exits(case, Service::Ai, "30.5 s after the signal, with a request that never ends").await?;
    drop(endless);
    Ok(())
}

async fn health(case: &mut Case, service: Service) -> Result<Reply, Stop> {
    case.http(service).get("/health").send().await
}
