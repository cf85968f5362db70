//! Feature 20 in a cluster, as far as that can be shown without one: a stand-in for `kubectl` says what a sound cluster
//! says, or what a faulty one does, and exactly the steps that are about it must turn red.

use harness::doubles::{Worthless, WorthlessServer};
use harness::outcome::{Outcome, Verdict};
use harness::record::Record;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// What `conform run 20` finds with the stand-in, and whether it removed what it had applied.
async fn in_a_cluster(fault: &str) -> (Outcome, bool) {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let programs = place("bin");
    std::fs::create_dir(&programs).unwrap();
    let kubectl = programs.join("kubectl");
    std::fs::copy(root().join("harness/tests/cluster/kubectl"), &kubectl).unwrap();
    std::fs::set_permissions(&kubectl, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(place("kubeconfig"), "").unwrap();
    std::fs::write(place("fault"), fault).unwrap();
    let manifests = root().join("reference-impl/deploy/k8s");
    let server = WorthlessServer::start(Worthless::AlwaysHealthy).await.unwrap();
    let text = format!("name = \"in a cluster\"\nmanifests = {manifests:?}\n[gateway]\nurl = \"{}\"\n", server.base());
    std::fs::write(place("target.toml"), text).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_conform"))
        .args(["run", "20", "--answer-within", "400ms", "--target", "target.toml", "--kubeconfig", "kubeconfig"])
        .args(["--record", "record", "--catalogue"])
        .arg(root().join("features/feature_list.json"))
        .current_dir(folder.path())
        .env("PATH", path)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let record = Record::read(&place("record"))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (record.outcomes[0].clone(), place("deleted").exists())
}

/// The steps of these verdicts.
fn steps(outcome: &Outcome, verdict: Verdict) -> Vec<u8> {
    outcome.steps.iter().filter(|step| step.verdict == verdict).map(|step| step.step).collect()
}

#[tokio::test]
async fn a_sound_cluster_shows_every_step_and_is_left_empty() {
    let (outcome, left) = in_a_cluster("").await;
    // The gateway of this target is worthless and has no metrics, which is of step 3 alone.
    let shown = [4, 5, 6, 7, 8, 9, 10];
    for step in &outcome.steps {
        assert!(!shown.contains(&step.step) || step.verdict == Verdict::Pass, "{step:#?}");
    }
    assert!(left, "what was applied is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_turns_its_step_red() {
    let faults = [
        ("an object is refused", 4),
        ("a pod is never ready", 5),
        ("a Service has no address", 6),
        ("the old pod stays", 7),
        ("a request is lost", 8),
        ("a pod stays down", 9),
        ("load changes nothing", 10),
    ];
    let runs = faults.map(|(fault, step)| tokio::spawn(async move { (fault, step, in_a_cluster(fault).await) }));
    for run in runs {
        let (fault, step, (outcome, left)) = run.await.unwrap();
        let red: Vec<u8> = steps(&outcome, Verdict::Fail).into_iter().filter(|&step| step > 3).collect();
        assert_eq!(red, [step], "{fault}: {outcome:#?}");
        assert!(left, "{fault}: what was applied is still there");
    }
}

#[tokio::test]
async fn a_cluster_without_metrics_leaves_the_last_step_undecided() {
    let (outcome, _) = in_a_cluster("there are no metrics").await;
    assert_eq!(steps(&outcome, Verdict::Skip), [10]);
    assert_eq!(outcome.steps[9].reason.as_deref(), Some("needs metrics server in the Kubernetes cluster"));
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_says_nothing_about_the_manifests() {
    let (outcome, left) = in_a_cluster("there is no way to it").await;
    assert_eq!(steps(&outcome, Verdict::Error)[0], 4);
    let reason = outcome.steps[3].reason.as_deref().unwrap_or_default();
    assert!(reason.contains("connection refused") && reason.contains("--kubeconfig"), "{reason}");
    assert!(!left, "something was removed from a cluster that was never entered");
}
