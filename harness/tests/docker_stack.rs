//! The docker backend in earnest: servers in containers, a stack on them, and that nothing is left of either.
//!
//! Without an engine or images the tests are skipped, and say so; `AUTOGRAPH_REQUIRE_DOCKER=1` makes that a failure.
//! `fixtures/images/` has what a machine without either needs.

use harness::provision::{Backend, BackendChoice, Options, ProvisionError, REAP, Servers, StackSpec};
use harness::target::{Own, Service, Target};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;
use testcontainers::bollard::query_parameters::ListContainersOptionsBuilder;
use testcontainers::core::client::docker_client_instance;
use testcontainers::runners::AsyncRunner;
use testcontainers::{GenericImage, ImageExt};

const CONFORM: &str = env!("CARGO_BIN_EXE_conform");

async fn servers_or_skip(test: &str) -> Option<Servers> {
    let options = Options {
        cluster: None,
        choice: BackendChoice::Docker,
        install: false,
        conform: PathBuf::from(CONFORM),
        announce: Arc::new(|line| eprintln!("{line}")),
    };
    match Servers::start(options).await {
        Ok(servers) => Some(servers),
        Err(why @ (ProvisionError::NoEngine { .. } | ProvisionError::NoImage { .. }))
            if std::env::var_os("AUTOGRAPH_REQUIRE_DOCKER").is_none() =>
        {
            // Not by a macro: the output of a test that passes is captured.
            let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The containers, running or not, that carry a label.
async fn labelled(label: &str) -> usize {
    let api = docker_client_instance().await.unwrap();
    let filters = std::collections::HashMap::from([("label", vec![label])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    api.list_containers(Some(options)).await.unwrap().len()
}

async fn status(target: &Target, service: Service) -> Option<u16> {
    let endpoint = &target.services[&service];
    let url = format!("{}{}", endpoint.base, endpoint.health);
    let reply = reqwest::get(url).await.ok()?;
    Some(reply.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_on_containers_comes_up_and_leaves_nothing() {
    let begun = Instant::now();
    let Some(servers) = servers_or_skip("a_stack_on_containers_comes_up_and_leaves_nothing").await else {
        return;
    };
    eprintln!("servers {:?}: {:?}", begun.elapsed(), servers.facts());
    assert_eq!(servers.backend(), Backend::Docker);
    let facts = servers.facts();
    for name in ["backend", "why", "engine", "postgresql", "redis", "object_store"] {
        assert!(facts.contains_key(name), "no {name} in {facts:?}");
    }

    let spec = |name: &str, services: &'static [Service]| StackSpec {
        name: name.into(),
        own: Own::of(services),
        alterations: Vec::new(),
        fresh_seed: 1,
    };
    let begun = Instant::now();
    let (shared, own) =
        (spec("shared", &Service::ALL), spec("f041", &[Service::Gateway, Service::Auth, Service::Diagram]));
    let (shared, own) = tokio::join!(servers.stack(&shared), servers.stack(&own));
    let (shared, own) = (shared.unwrap(), own.unwrap());
    eprintln!("two stacks {:?}", begun.elapsed());
    for service in Service::ALL {
        assert_eq!(status(&shared.target, service).await, Some(200), "{service}");
    }
    let control = shared.target.control.clone().unwrap();
    control.stop(Service::Auth).await.unwrap();
    assert_eq!(status(&shared.target, Service::Auth).await, None);
    assert_eq!(status(&own.target, Service::Auth).await, Some(200));
    control.start(Service::Auth).await.unwrap();
    assert_eq!(status(&shared.target, Service::Auth).await, Some(200));

    // One PostgreSQL, and a Redis for each stack.
    let ours = format!("autograph-conformance.pid={}", std::process::id());
    assert!(labelled(&ours).await >= 3);
    own.stop().await;
    shared.stop().await;
    servers.stop().await;
    assert_eq!(labelled(&ours).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reaper_removes_the_containers_of_a_harness_that_is_gone() {
    let test = "the_reaper_removes_the_containers_of_a_harness_that_is_gone";
    let Some(servers) = servers_or_skip(test).await else {
        return;
    };
    let image = servers.facts()["redis_image"].clone();
    servers.stop().await;

    let (name, tag) = image.rsplit_once(':').unwrap();
    let run_id = format!("reaper-test-{}", std::process::id());
    let orphan =
        GenericImage::new(name, tag).with_label("autograph-conformance.run", run_id.clone()).start().await.unwrap();
    let label = format!("autograph-conformance.run={run_id}");
    assert_eq!(labelled(&label).await, 1);

    let mut reaper = Command::new(CONFORM).arg(REAP).stdin(Stdio::piped()).spawn().unwrap();
    let mut orders = reaper.stdin.take().unwrap();
    writeln!(orders, "containers {run_id}").unwrap();
    // The end of the pipe is the end of the harness.
    drop(orders);
    assert!(reaper.wait().unwrap().success());
    assert_eq!(labelled(&label).await, 0);
    std::mem::forget(orphan);
}
