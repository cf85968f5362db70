//! Manners on somebody else's system: what checks make there is gone afterwards, even after a run that was broken off.

use harness::catalogue::Catalogue;
use harness::check::{Case, Live, Patience, Pulse};
use harness::ledger::{LEDGER_FILE, Ledger, Thing};
use harness::outcome::Verdict;
use harness::probe::Store;
use harness::provision::{BackendChoice, Options, Servers, Stack, StackSpec};
use harness::record::Record;
use harness::runner::{News, Rounds, Session, Subject, conduct};
use harness::settlement::settle;
use harness::target::{Account, Accounts, Own, Part, Secret, Service, Target};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Checks that make accounts, diagrams, buckets and objects.
const FEATURES: [u16; 5] = [6, 8, 23, 29, 36];

async fn stack(servers: &Servers, name: &str) -> Stack {
    stack_of(servers, name, Own::of(&[Service::Gateway, Service::Auth, Service::Diagram])).await
}

async fn stack_of(servers: &Servers, name: &str, own: Own) -> Stack {
    servers
        .stack(&StackSpec { name: name.to_owned(), own, alterations: Vec::new(), fresh_seed: 1 })
        .await
        .expect("the stack comes up")
}

async fn servers() -> Servers {
    let options = Options {
        cluster: None,
        choice: BackendChoice::Native,
        install: false,
        conform: PathBuf::from(env!("CARGO_BIN_EXE_conform")),
        announce: Arc::new(|line| eprintln!("{line}")),
    };
    Servers::start(options).await.expect("the servers come up")
}

/// The same system as if somebody else had brought it up.
fn somebody_elses(target: &Target) -> Target {
    Target {
        name: "somebody else's".to_owned(),
        ours: false,
        disposable: false,
        control: None,
        parts: Vec::new(),
        ..target.clone()
    }
}

async fn run(target: Target, record: &Path, numbers: &[u16]) -> (Record, Vec<String>) {
    // A system keeps answers to keys for a day, and a second run has other keys.
    static SEED: AtomicU64 = AtomicU64::new(77);
    let catalogue = Catalogue::load(Path::new(env!("CARGO_MANIFEST_DIR")).join("../features/feature_list.json"));
    let session = Session {
        subject: Subject::External(Box::new(target)),
        catalogue: catalogue.expect("the catalogue is sound"),
        numbers: numbers.to_vec(),
        record: record.to_owned(),
        resumes: false,
        jobs: 4,
        patience: Patience::default(),
        seed: SEED.fetch_add(1, Ordering::Relaxed),
        rounds: Rounds::ONE,
    };
    let mut left = Vec::new();
    conduct(session, |news| {
        if let News::Settled(settlement) = news {
            left = settlement.left.iter().map(|(thing, why)| format!("{thing}: {why}")).collect();
        }
    })
    .await
    .expect("the record is written");
    (Record::read(record).expect("the record is sound"), left)
}

fn look(target: &Target) -> Case {
    let live = Live::new(target.clone(), Patience::default(), Arc::<Pulse>::default(), 0);
    Case::live(Arc::new(live), 1, 1, 1)
}

/// How many users and diagrams of ours the database holds, and which of our buckets the store.
async fn what_is_there(target: &Target) -> (u64, u64, Vec<String>) {
    let mut case = look(target);
    let count = "select (select count(*) from users where email like 'conform-%') as users, (select count(*) from files) as files";
    let rows = case.rows(count).await.expect("the database answers");
    let number = |name: &str| rows.at("/0").key(name).number().expect("it is a number") as u64;
    let buckets = case.store(Store::Main).buckets().send().await.expect("the store answers");
    let names =
        buckets.seen("/found").items().iter().filter_map(|name| name.text().map(str::to_owned)).collect::<Vec<_>>();
    (number("users"), number("files"), names.into_iter().filter(|name| name.contains("conform-")).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_checks_make_is_gone_when_the_run_has_ended() {
    let (servers, place) = (servers().await, tempfile::tempdir().unwrap());
    let stack = stack(&servers, "guest").await;
    let target = somebody_elses(&stack.target);

    let record = place.path().join("whole");
    let (found, left) = run(target.clone(), &record, &FEATURES).await;
    let passed = found.outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Pass | Verdict::Partial));
    assert_eq!(passed.count(), FEATURES.len(), "{:?}", found.outcomes);
    assert_eq!(left, [""; 0]);
    assert_eq!(what_is_there(&target).await, (0, 0, Vec::new()));
    let ledger = std::fs::read_to_string(record.join(LEDGER_FILE)).unwrap();
    for kind in ["account", "diagram", "bucket", "object"] {
        assert!(ledger.contains(&format!("\"removed\",\"thing\":\"{kind}\"")), "no {kind} in {ledger}");
    }

    // With a gateway alone, diagrams go by their owners' own hands; for accounts there is no route.
    let gateway_only = Target { postgres: None, object_store: None, signing_key: None, ..target.clone() };
    let record = place.path().join("gateway");
    let (_, left) = run(gateway_only.clone(), &record, &[23, 36]).await;
    assert!(!left.is_empty() && left.iter().all(|line| line.starts_with("account conform-")), "{left:?}");
    let (users, _, _) = what_is_there(&target).await;
    assert_eq!(users as usize, left.len());
    let ledger = Ledger::of(&record).unwrap();
    assert!(ledger.owed().iter().all(|owed| owed.password.is_none()), "nobody can sign in to what stays");

    // Whoever gives access later gets rid of them, too.
    let live = Arc::new(Live::new(target.clone(), Patience::default(), Arc::<Pulse>::default(), 0));
    let settlement = settle(&ledger, &live).await.unwrap();
    assert_eq!((settlement.removed.len(), settlement.left.len()), (users as usize, 0));
    assert_eq!(what_is_there(&target).await, (0, 0, Vec::new()));
    stack.stop().await;
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_broken_off_is_cleaned_up_by_its_ledger_alone() {
    let (servers, place) = (servers().await, tempfile::tempdir().unwrap());
    let stack = stack(&servers, "broken-off").await;
    let target = somebody_elses(&stack.target);
    let gateway_only = Target { postgres: None, object_store: None, signing_key: None, ..target.clone() };

    let ledger = Arc::new(Ledger::of(place.path()).unwrap());
    let live = Live::new(gateway_only.clone(), Patience::default(), Arc::<Pulse>::default(), 0);
    let mut case = Case::live(Arc::new(live.keeping(Some(ledger.clone()))), 1, 1, 1);
    let actor = case.actor().await.unwrap();
    let token = case.token_of(&actor).await.unwrap();
    let body = serde_json::json!({"title": "left behind", "file_type": "canvas", "canvas_data": {"shapes": []}});
    let made = case.http(Service::Gateway).post("/api/diagrams/").bearer(&token).json(body).send().await.unwrap();
    let id = made.at("/id").text().unwrap().to_owned();
    assert_eq!(ledger.owed().len(), 2);
    // As after a kill: what only the process knew is gone.
    drop((case, ledger));

    let ledger = Ledger::of(place.path()).unwrap();
    assert!(ledger.owed().iter().all(|owed| owed.token.is_none()));
    let live = Arc::new(Live::new(gateway_only, Patience::default(), Arc::<Pulse>::default(), 0));
    let settlement = settle(&ledger, &live).await.unwrap();
    assert_eq!(settlement.removed, [Thing::diagram(&id, &actor.id).unwrap()]);
    assert!(matches!(&settlement.left[..], [(Thing::Account { .. }, why)] if why.starts_with("no route")));
    stack.stop().await;
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_the_target_file_are_used_in_place_of_new_ones() {
    let (servers, place) = (servers().await, tempfile::tempdir().unwrap());
    let stack = stack(&servers, "accounts").await;
    let mut case = look(&stack.target);
    let body = serde_json::json!({"email": "guest@example.com", "password": "Guest!Passw0rd", "full_name": "Guest"});
    let registered = case.http(Service::Gateway).post("/api/auth/register").json(body).send().await.unwrap();
    assert_eq!(registered.status().number(), Some(201.0));
    let account = Account { email: "guest@example.com".to_owned(), password: Secret::new("Guest!Passw0rd") };
    let target = Target {
        postgres: None,
        signing_key: None,
        accounts: Accounts::of(vec![account]),
        ..somebody_elses(&stack.target)
    };
    let record = place.path().join("record");
    let (found, left) = run(target, &record, &[8, 36]).await;
    assert!(found.outcomes.iter().all(|outcome| outcome.verdict == Verdict::Pass), "{:?}", found.outcomes);
    // Each of the two checks wants a second user, who has to be registered; feature 36 looks at a registration as well.
    assert!(left.len() == 3 && left.iter().all(|line| line.starts_with("account conform-")), "{left:?}");
    let (users, ..) = what_is_there(&stack.target).await;
    assert_eq!(users, 3);
    for feature in [8, 36] {
        let evidence = std::fs::read_to_string(record.join(format!("evidence/f{feature:03}.jsonl"))).unwrap();
        assert!(evidence.contains("‹account #1›") && !evidence.contains("guest@example.com"));
    }
    stack.stop().await;
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_go_by_the_hands_of_those_who_made_them() {
    let (servers, place) = (servers().await, tempfile::tempdir().unwrap());
    let own = Own::of(&[Service::Gateway, Service::Auth, Service::Diagram]).with(&[
        Part::Postgres,
        Part::PostgresTools,
        Part::ObjectStore,
    ]);
    let stack = stack_of(&servers, "backups", own).await;
    let parts = stack.target.parts.clone();
    let target = Target { disposable: true, parts, ..somebody_elses(&stack.target) };
    let record = place.path().join("record");
    let (found, left) = run(target.clone(), &record, &[48, 49]).await;
    let passed = |outcome: &harness::outcome::Outcome| matches!(outcome.verdict, Verdict::Pass | Verdict::Partial);
    assert!(found.outcomes.iter().all(passed), "{:?}", found.outcomes);
    assert_eq!(left, [""; 0]);
    let ledger = std::fs::read_to_string(record.join(LEDGER_FILE)).unwrap();
    let removed = |kind: &str| ledger.matches(&format!("\"removed\",\"thing\":\"{kind}\"")).count();
    assert!(removed("database_backup") >= 8 && removed("bucket_backup") >= 1, "{ledger}");
    let mut case = look(&stack.target);
    let actor = case.actor().await.unwrap();
    let token = case.token_of(&actor).await.unwrap();
    for (path, counts) in [
        ("/api/admin/backup/list", &["/local_count", "/minio_count"][..]),
        ("/api/admin/minio/backup/list", &["/count"]),
    ] {
        let listed = case.http(Service::Gateway).get(path).bearer(&token).send().await.unwrap();
        for count in counts {
            assert_eq!(listed.at(count).number(), Some(0.0), "{path}: {:?}", listed.body().value());
        }
    }
    stack.stop().await;
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_a_killed_run_put_aside_comes_back_and_nobody_judges_what_is_in_its_place() {
    let (servers, place) = (servers().await, tempfile::tempdir().unwrap());
    let own = Own::of(&[Service::Gateway, Service::Auth, Service::Diagram]).with(&[Part::Postgres]);
    let stack = stack_of(&servers, "aside", own).await;
    let target = Target { disposable: true, ..somebody_elses(&stack.target) };

    let killed = place.path().join("killed");
    let ledger = Arc::new(Ledger::of(&killed).unwrap());
    let live = Live::new(target.clone(), Patience::default(), Arc::<Pulse>::default(), 0);
    let mut case = Case::live(Arc::new(live.keeping(Some(ledger.clone()))), 1, 1, 1);
    case.actor().await.unwrap();
    case.drop_database().await.unwrap();
    let tables = "select count(*) as tables from pg_tables where schemaname = 'public'";
    assert_eq!(case.rows(tables).await.unwrap().at("/0/tables").number(), Some(0.0));
    drop((case, ledger));

    let (found, _) = run(target.clone(), &place.path().join("another"), &[2, 3]).await;
    for outcome in &found.outcomes {
        assert_eq!(outcome.verdict, Verdict::Error);
        assert!(outcome.steps[0].reason.as_ref().unwrap().contains("conform clean"), "{:?}", outcome.steps[0].reason);
    }

    let ledger = Ledger::of(&killed).unwrap();
    let live = Arc::new(Live::new(target.clone(), Patience::default(), Arc::<Pulse>::default(), 0));
    let settlement = settle(&ledger, &live).await.unwrap();
    assert_eq!((settlement.removed.len(), settlement.left.len()), (2, 0), "{settlement:?}");
    assert_eq!(what_is_there(&target).await.0, 0);
    let tables = look(&target).rows(tables).await.unwrap();
    assert!(tables.at("/0/tables").number() >= Some(12.0));
    let (found, _) = run(target, &place.path().join("after"), &[2]).await;
    assert_eq!(found.outcomes[0].verdict, Verdict::Pass, "{:?}", found.outcomes[0]);
    stack.stop().await;
    servers.stop().await;
}
