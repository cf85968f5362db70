//! The shipped evidence proves every check without a server: it replays to a pass, and no step survives all tampering.

use harness::catalogue::{Catalogue, Feature};
use harness::check::Check;
use harness::checks;
use harness::outcome::{Evidence, StepOutcome, Verdict};
use harness::proof::{TamperProof, replay, tamper};
use harness::target::Need;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// A proof that takes longer is told, for it is no longer something one runs with every build.
const SLOW: Duration = Duration::from_secs(10);

/// A check, its feature, and the evidence of it that comes with the suite.
struct Shipped {
    check: &'static Check,
    feature: Feature,
    evidence: Evidence,
}

static SHIPPED: LazyLock<Vec<Shipped>> = LazyLock::new(|| {
    let catalogue = Catalogue::load(root().join("features/feature_list.json")).unwrap();
    let shipped = |check: &'static Check| Shipped {
        check,
        feature: catalogue.feature(check.feature).unwrap().clone(),
        evidence: evidence(check.feature),
    };
    checks::all().map(shipped).collect()
});

/// Tampering with all evidence, a thread for each check; done once, whatever number of tests look at it.
static PROOFS: LazyLock<Vec<TamperProof>> = LazyLock::new(|| {
    std::thread::scope(|scope| {
        let prove = |one: &'static Shipped| {
            let began = Instant::now();
            let proof = tamper(one.check, &one.feature, &one.evidence);
            let took = began.elapsed();
            if took > SLOW {
                eprintln!("f{:03}: {} tamperings took {took:?}", proof.feature, proof.tried);
            }
            proof
        };
        let threads: Vec<_> = SHIPPED.iter().map(|one| scope.spawn(move || prove(one))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no tampering makes a check panic")).collect()
    })
});

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folder() -> PathBuf {
    root().join("fixtures/evidence")
}

fn evidence(feature: u16) -> Evidence {
    let path = folder().join(format!("f{feature:03}.jsonl"));
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| {
        let renew = format!("cargo conform prove {feature} --save fixtures/evidence");
        panic!("{} holds no evidence ({error}); `{renew}` writes it", path.display())
    });
    Evidence::from_lines(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_check_has_shipped_evidence_and_no_evidence_is_left_over() {
    let wanted: BTreeSet<String> = checks::all().map(|check| format!("f{:03}.jsonl", check.feature)).collect();
    let names = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let there: BTreeSet<String> =
        names.filter_map(|name| name.into_string().ok()).filter(|name| name.ends_with(".jsonl")).collect();
    assert_eq!(there, wanted);
}

#[test]
fn shipped_evidence_is_of_the_checks_own_feature_and_revision() {
    for Shipped { check, evidence, .. } in SHIPPED.iter() {
        let circumstances = &evidence.circumstances;
        assert_eq!(circumstances.feature, check.feature);
        assert_eq!(
            circumstances.revision, check.revision,
            "the evidence of f{:03} was seen by another revision of its check",
            check.feature
        );
    }
}

#[test]
fn shipped_evidence_shows_no_token() {
    for Shipped { check, evidence, .. } in SHIPPED.iter() {
        // A JWT begins with `{"` in base64.
        assert!(!evidence.to_lines().contains("eyJ"), "f{:03} shows a token", check.feature);
    }
}

/// Nobody has taken evidence in a cluster yet; such a step says so.
fn wants_a_cluster(step: &StepOutcome) -> bool {
    step.verdict == Verdict::Skip && step.reason == Some(format!("needs {}", Need::Cluster))
}

#[test]
fn shipped_evidence_replays_to_a_pass_on_every_step() {
    for Shipped { check, feature, evidence } in SHIPPED.iter() {
        let outcome = replay(check, feature, evidence).outcome;
        let wrong: Vec<String> = outcome
            .steps
            .iter()
            .filter(|step| step.verdict != Verdict::Pass && !wants_a_cluster(step))
            .map(|step| {
                let failed = step.expectations.iter().find(|one| !one.holds);
                let why = step.reason.clone().or(failed.map(|one| one.requirement.clone()));
                format!("step {} is {}: {}", step.step, step.verdict, why.unwrap_or_default())
            })
            .collect();
        assert!(wrong.is_empty(), "f{:03}: {wrong:#?}", check.feature);
        assert!(matches!(outcome.verdict, Verdict::Pass | Verdict::Partial), "f{:03}", check.feature);
        assert_eq!(outcome.reason, None, "f{:03}", check.feature);
    }
}

#[test]
fn no_step_survives_every_tampering() {
    for proof in PROOFS.iter() {
        let blind = proof.unproven();
        assert!(blind.is_empty(), "f{:03}: nothing turns its steps {blind:?} red: they assert nothing", proof.feature);
        let proven = proof.steps.iter().filter(|step| step.noticed > 0).count();
        let decided = proof.steps.iter().filter(|step| step.passes).count();
        assert!(proven >= decided, "f{:03}: {:?}", proof.feature, proof.broken);
    }
}

#[test]
fn the_sensitivity_of_each_check_is_as_in_the_snapshot() {
    let rows = PROOFS.iter().map(|proof| {
        let proven = proof.steps.iter().filter(|step| step.noticed > 0).count();
        let percent = (proof.sensitivity() * 100.0).round();
        format!("f{:03}     {proven:>2} of {:>2} {percent:>11} %\n", proof.feature, proof.steps.len())
    });
    let table: String = std::iter::once("feature  steps proven  sensitivity\n".to_owned()).chain(rows).collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../reports/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("proof.txt", table));
}
