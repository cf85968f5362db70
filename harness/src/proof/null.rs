//! Null targets: worthless and hostile servers, which must pass nothing.

use crate::catalogue::Feature;
use crate::check::{Check, Patience};
use crate::doubles::{Hostile, HostileServer, Worthless, WorthlessServer};
use crate::outcome::Verdict;
use crate::runner::{Event, Place, Plan, Rounds, run};
use crate::target::{Endpoint, LogSource, ObjectStoreAccess, Part, Secret, Service, StoreUser, Target};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a worthless server's answer is waited for: what is worthless need not be waited for long.
const ANSWER: Duration = Duration::from_secs(2);

/// How one worthless server fared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NullProof {
    /// What the server does: `answers 200 to everything`.
    pub target: String,
    /// Why a run outlives what a hostile server does: `no redirect is followed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub survived: Option<&'static str>,
    /// Verdicts that it got, with how often.
    pub verdicts: std::collections::BTreeMap<Verdict, usize>,
    /// Features that it passed; must be none.
    pub passed: Vec<u16>,
    /// Steps that it passed, of all steps of all checks.
    pub passed_steps: usize,
    /// How long all checks took together, in seconds.
    #[serde(skip)]
    pub seconds: f64,
}

/// Hostile servers at a time: they keep a machine busy.
const AT_ONCE: usize = 8;

/// A server that must pass nothing.
#[derive(Clone, Copy)]
enum Kind {
    Worthless(Worthless),
    Hostile(Hostile),
}

impl Kind {
    fn what(self) -> &'static str {
        match self {
            Kind::Worthless(kind) => kind.what(),
            Kind::Hostile(kind) => kind.what(),
        }
    }

    fn survived(self) -> Option<&'static str> {
        match self {
            Kind::Worthless(_) => None,
            Kind::Hostile(kind) => Some(kind.survived()),
        }
    }
}

/// A server at work, and its address.
struct Running {
    base: String,
    /// Holds the server.
    _server: Box<dyn Send + Sync>,
}

/// Runs the checks on every kind of worthless and of hostile server.
///
/// # Errors
/// Where a server cannot be started on loopback.
pub async fn null_targets(checks: &[(Feature, &'static Check)], seed: u64) -> std::io::Result<Vec<NullProof>> {
    let kinds = Worthless::ALL.map(Kind::Worthless).into_iter().chain(Hostile::ALL.map(Kind::Hostile));
    let busy = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    // Many at the same time: what the worthless cost is waiting.
    let mut running = tokio::task::JoinSet::new();
    for (place, kind) in kinds.enumerate() {
        let (checks, busy) = (checks.to_vec(), busy.clone());
        running.spawn(async move {
            let _turn = match kind {
                Kind::Hostile(_) => busy.acquire().await.ok(),
                Kind::Worthless(_) => None,
            };
            (place, one(kind, &checks, seed).await)
        });
    }
    let mut proofs = running.join_all().await;
    proofs.sort_by_key(|(place, _)| *place);
    proofs.into_iter().map(|(_, proof)| proof).collect()
}

async fn start(kind: Kind) -> std::io::Result<Running> {
    Ok(match kind {
        Kind::Worthless(kind) => {
            let server = WorthlessServer::start(kind).await?;
            Running { base: server.base(), _server: Box::new(server) }
        }
        Kind::Hostile(kind) => {
            let server = HostileServer::start(kind, None).await?;
            Running { base: server.base(), _server: Box::new(server) }
        }
    })
}

async fn one(kind: Kind, checks: &[(Feature, &'static Check)], seed: u64) -> std::io::Result<NullProof> {
    let server = start(kind).await?;
    let place = Arc::new(Place::external(target(kind.what(), &server.base)));
    let plan = Plan {
        features: checks.iter().map(|(feature, check)| (feature.clone(), Some(*check))).collect(),
        jobs: checks.len(),
        patience: Patience { answer: ANSWER, ..Patience::default() },
        seed,
        rounds: Rounds::ONE,
        roll_call: None,
        ledger: None,
    };
    let mut proof = NullProof {
        target: kind.what().to_owned(),
        survived: kind.survived(),
        verdicts: Default::default(),
        passed: Vec::new(),
        passed_steps: 0,
        seconds: 0.0,
    };
    let began = Instant::now();
    run(plan, &place, |event| {
        if let Event::Finished(run) = event {
            let outcome = run.outcome;
            *proof.verdicts.entry(outcome.verdict).or_default() += 1;
            if outcome.verdict == Verdict::Pass {
                proof.passed.push(outcome.feature);
            }
            let passed = outcome.steps.iter().filter(|step| step.verdict == Verdict::Pass);
            proof.passed_steps += passed.count();
        }
    })
    .await;
    proof.seconds = began.elapsed().as_secs_f64();
    Ok(proof)
}

/// A target that claims to have everything over HTTP, all at one address.
fn target(what: &str, base: &str) -> Target {
    let endpoint = |service: Service| Endpoint {
        base: base.to_owned(),
        health: service.health_path().to_owned(),
        log: Some(LogSource::File(PathBuf::from("/dev/null"))),
    };
    let secret = Secret::new("a key that a worthless server has no use for");
    let store = ObjectStoreAccess {
        endpoint: base.to_owned(),
        region: "us-east-1".to_owned(),
        access_key: "worthless".to_owned(),
        secret_key: secret.clone(),
        console: Some(base.to_owned()),
        clock: true,
        user: Some(StoreUser { access_key: "more worthless".to_owned(), secret_key: secret.clone() }),
    };
    Target {
        services: Service::ALL.into_iter().map(|service| (service, endpoint(service))).collect(),
        parts: vec![Part::ObjectStore, Part::SecondObjectStore],
        object_store: Some(store.clone()),
        second_object_store: Some(store),
        signing_key: Some(secret),
        test_endpoints: true,
        clock: true,
        ..Target::unreachable(what)
    }
}
