//! The docker backend against a real engine, where there is one: `cargo test -p harness --features all docker`.

use super::containers::Containers;
use super::infrastructure::Docker;
use super::leftovers::{self, RUN};
use super::*;
use crate::provision::{database, random};
use sqlx::Connection;
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use testcontainers::bollard::query_parameters::ListContainersOptionsBuilder;

/// An engine that is of use; without one the test is skipped, and says so even where output is captured.
async fn engine_or_skip(test: &str) -> Option<Usable> {
    let announce: Announce = Arc::new(|_: &str| {});
    match usable(&announce).await {
        Ok(usable) => Some(usable),
        Err(why) if std::env::var_os("AUTOGRAPH_REQUIRE_DOCKER").is_some() => {
            panic!("AUTOGRAPH_REQUIRE_DOCKER is set: {why}")
        }
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
            None
        }
    }
}

async fn containers_of(usable: &Engine, run_id: &str) -> usize {
    let filters = HashMap::from([("label", vec![format!("{RUN}={run_id}")])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let found = usable.api.list_containers(Some(options)).await.unwrap();
    found.len()
}

#[tokio::test]
async fn servers_answer_and_leave_nothing() {
    let Some(usable) = engine_or_skip("servers_answer_and_leave_nothing").await else {
        return;
    };
    let run_id = format!("test-{}", random::hex(4));
    let watch = Engine::find().await.unwrap();
    let containers = Arc::new(Containers::new(usable.engine, &run_id, Arc::default()));
    let begun = std::time::Instant::now();
    let docker = Docker::start(containers, usable.images).await.unwrap();
    println!("servers after {:?}: {:?}", begun.elapsed(), docker.facts());

    let mut connection = database::connect(docker.postgres()).await.unwrap();
    sqlx::raw_sql("create extension pg_trgm").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let mut wrong = docker.postgres().clone();
    wrong.password = crate::target::Secret::new("wrong");
    assert!(database::connect(&wrong).await.is_err(), "a wrong password is refused");

    // Two stacks, two Redis: what one writes the other does not see.
    let (one, other) = (docker.redis("one").await.unwrap(), docker.redis("other").await.unwrap());
    assert_ne!(one.access.port, other.access.port);
    assert_eq!(one.access.host, watch.host);
    assert_eq!(questions::redis_version(&other.access).await.unwrap(), docker.facts()["redis"]);
    assert!(containers_of(&watch, &run_id).await >= 3);

    let begun = std::time::Instant::now();
    other.running.stop().await;
    assert!(questions::redis_version(&other.access).await.is_err());
    // The first stack's Redis is forgotten: the end of the run takes it, too.
    std::mem::forget(one.running);
    Box::new(docker).stop().await;
    println!("gone after {:?}", begun.elapsed());
    assert_eq!(containers_of(&watch, &run_id).await, 0);
}

#[tokio::test]
async fn a_server_that_ends_is_not_waited_for() {
    let Some(usable) = engine_or_skip("a_server_that_ends_is_not_waited_for").await else {
        return;
    };
    let run_id = format!("test-{}", random::hex(4));
    let containers = Containers::new(usable.engine, &run_id, Arc::default());
    let begun = std::time::Instant::now();
    let plan = containers::Plan {
        image: &usable.images.redis,
        port: 6379,
        variables: Vec::new(),
        arguments: vec!["redis-server".into(), "--no-such-option".into()],
        at: None,
    };
    // It ends before its port is known, or while it is asked: both say the same.
    let error = match containers.start(plan).await {
        Err(error) => error,
        Ok(container) => {
            let access = crate::target::RedisAccess {
                host: container.host.clone(),
                port: container.port,
                password: None,
                tls: false,
            };
            let asked = container.ready(|| questions::redis_version(&access)).await;
            asked.unwrap_err()
        }
    };
    leftovers::remove_run(&run_id).await;

    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{error}");
    let message = error.to_string();
    assert!(message.contains("exit code 1") && message.contains("no-such-option"), "{message}");
    assert_eq!(containers_of(&containers.engine, &run_id).await, 0);
}

#[tokio::test]
async fn containers_of_a_living_run_survive_the_sweep() {
    let Some(usable) = engine_or_skip("containers_of_a_living_run_survive_the_sweep").await else {
        return;
    };
    let run_id = format!("test-{}", random::hex(4));
    let containers = Containers::new(usable.engine, &run_id, Arc::default());
    let plan = containers::Plan {
        image: &usable.images.redis,
        port: 6379,
        variables: Vec::new(),
        arguments: vec!["redis-server".into()],
        at: None,
    };
    let container = containers.start(plan).await.unwrap();
    leftovers::sweep(&containers.engine).await;
    assert_eq!(containers_of(&containers.engine, &run_id).await, 1);
    container.remove().await;
    assert_eq!(containers_of(&containers.engine, &run_id).await, 0);
}
