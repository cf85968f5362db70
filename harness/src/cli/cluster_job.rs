//! The Job that runs shards on a cluster, held to what it relies on: kinds of Kubernetes, a shell, and this command line.

use super::args::{Arguments, Command};
use crate::probe::documents;
use crate::provision::external;
use crate::shard::INDEX;
use clap::Parser;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// The program in the place of `conform`: it notes what it was called with, and leaves a record that is broken off the
/// first time and ends the second.
const STAND_IN: &str = r#"#!/bin/sh
printf '%s\n' "$*" >> "$CALLS"
case "$1" in
  merge) exit 1 ;;
  run)
    while [ "$1" != --record ] && [ "$1" != --resume ]; do shift; done
    mkdir -p "$2"
    case "$1" in
      --record) echo '{"kind":"header"}' > "$2/outcomes.jsonl"; exit 3 ;;
      --resume) echo '{"kind":"footer"}' >> "$2/outcomes.jsonl"; exit 1 ;;
    esac ;;
esac
"#;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/k8s")
}

/// The objects of a file, each of which is of its kind and has no field that its kind does not have.
fn objects(file: &str) -> Vec<Value> {
    let all = documents(&fs::read_to_string(folder().join(file)).unwrap());
    assert!(!all.is_empty(), "{file}");
    for one in &all {
        assert!(one["unknown"].is_null() && one["error"].is_null(), "{file}: {} {}", one["unknown"], one["error"]);
    }
    all.into_iter().map(|one| one["object"].clone()).collect()
}

fn object(file: &str, kind: &str) -> Value {
    objects(file).into_iter().find(|one| one["kind"] == kind).unwrap()
}

/// The container of a Job, its pod, and the Job's own settings.
fn parts(file: &str) -> (Value, Value, Value) {
    let spec = object(file, "Job")["spec"].clone();
    let pod = spec["template"]["spec"].clone();
    (pod["containers"][0].clone(), pod, spec)
}

/// A place for a script to run in, as the pod has it.
struct Pod(tempfile::TempDir);

impl Pod {
    fn new() -> Pod {
        use std::os::unix::fs::PermissionsExt;
        let pod = Pod(tempfile::tempdir().unwrap());
        for name in ["records", "target", "bin"] {
            fs::create_dir(pod.0.path().join(name)).unwrap();
        }
        let program = pod.0.path().join("bin/conform");
        fs::write(&program, STAND_IN).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        pod
    }

    fn run(&self, container: &Value) -> Output {
        let place = self.0.path();
        let inside = |path: &str| place.join(path).display().to_string();
        let words = container["command"].as_array().unwrap().iter().chain(container["args"].as_array().unwrap());
        let words = words.map(|word| word.as_str().unwrap());
        let words: Vec<String> = words
            .map(|word| word.replace("/records/", &inside("records/")).replace("/target/", &inside("target/")))
            .collect();
        let given = container["env"].as_array().unwrap().iter();
        let given = given.filter_map(|one| Some((one["name"].as_str()?, one["value"].as_str()?)));
        std::process::Command::new(&words[0])
            .args(&words[1..])
            .envs(given)
            .envs([("RUN", "a-run"), (INDEX, "2")])
            .env("CALLS", inside("calls"))
            .env("PATH", format!("{}:{}", inside("bin"), std::env::var("PATH").unwrap()))
            .output()
            .unwrap()
    }

    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.0.path().join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn parsed(call: &str) -> Command {
    let words = std::iter::once("conform").chain(call.split_whitespace());
    Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("conform {call}: {error}")).command
}

#[test]
fn every_manifest_is_of_its_kind() {
    for (file, kinds) in [
        ("conform-target.yaml", &["ConfigMap", "Secret"][..]),
        ("conform-job.yaml", &["PersistentVolumeClaim", "Job"]),
        ("conform-gate.yaml", &["Job"]),
    ] {
        let found: Vec<Value> = objects(file).iter().map(|one| one["kind"].clone()).collect();
        assert_eq!(json!(found), json!(kinds), "{file}");
    }
}

#[test]
fn an_index_stands_for_each_shard_and_its_pod_has_no_more_power_than_it_needs() {
    let (container, pod, spec) = parts("conform-job.yaml");
    let shards = container["env"].as_array().unwrap().iter().find(|one| one["name"] == "SHARDS").unwrap();
    assert_eq!(spec["completionMode"], "Indexed");
    assert_eq!(spec["completions"].to_string(), shards["value"].as_str().unwrap());
    for file in ["conform-job.yaml", "conform-gate.yaml"] {
        let (container, pod, _) = parts(file);
        assert_eq!((&pod["restartPolicy"], &pod["automountServiceAccountToken"]), (&json!("Never"), &json!(false)));
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["securityContext"]["capabilities"]["drop"], json!(["ALL"]));
        assert!(container["resources"]["limits"]["memory"].is_string());
    }
    let claim = object("conform-job.yaml", "PersistentVolumeClaim");
    assert_eq!(claim["spec"]["accessModes"], json!(["ReadWriteMany"]));
    assert_eq!(pod["volumes"][1]["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"]);
    let policy = &spec["podFailurePolicy"]["rules"][1]["onExitCodes"];
    assert_eq!(policy["containerName"], container["name"]);
}

#[test]
fn the_target_file_is_one_and_finds_its_credentials() {
    let file = &object("conform-target.yaml", "ConfigMap")["data"]["target.toml"];
    let secret = object("conform-target.yaml", "Secret");
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("target.toml");
    fs::write(&path, file.as_str().unwrap()).unwrap();
    let target = external::load(&path, &|name| secret["stringData"][name].as_str().map(str::to_owned)).unwrap();
    assert!(target.postgres.is_some() && target.redis.is_some());
    let (container, pod, _) = parts("conform-job.yaml");
    assert_eq!(container["envFrom"][0]["secretRef"]["name"], secret["metadata"]["name"]);
    assert_eq!(pod["volumes"][0]["configMap"]["name"], object("conform-target.yaml", "ConfigMap")["metadata"]["name"]);
}

#[test]
fn a_pod_begins_its_shard_goes_on_with_it_and_is_done_when_the_record_has_its_end() {
    let (container, _, _) = parts("conform-job.yaml");
    let pod = Pod::new();
    let codes = [3, 0, 0].map(|code| (pod.run(&container), code));
    for (output, code) in codes {
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
    let calls = pod.calls();
    assert_eq!(calls.len(), 2, "a record that has ended is left alone: {calls:?}");
    let (Command::Run(first), Command::Run(second)) = (parsed(&calls[0]), parsed(&calls[1])) else {
        panic!("{calls:?}");
    };
    assert_eq!(first.which.selection, ["phase", "1"]);
    assert_eq!(first.course.shard.unwrap().shard(Some("2")).unwrap().to_string(), "3/4");
    assert_eq!(first.record, second.course.resume);
    assert!(first.record.unwrap().ends_with("records/a-run/2"));
    assert!(first.target.unwrap().ends_with("target/target.toml"));
}

#[test]
fn the_gate_joins_the_records_of_the_last_run_and_judges_them() {
    let pod = Pod::new();
    let (shard, _, _) = parts("conform-job.yaml");
    pod.run(&shard);
    let before = pod.calls().len();
    let (gate, _, _) = parts("conform-gate.yaml");
    let output = pod.run(&gate);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let calls = pod.calls().split_off(before);
    let commands: Vec<Command> = calls.iter().map(|call| parsed(call)).collect();
    assert!(
        matches!(commands[..], [Command::Merge(_), Command::Report(_), Command::Gate(_)]),
        "a gate that is passed, and joined before: {calls:?}"
    );
    assert!(calls[0].contains("records/a-run/2 --record"), "{}", calls[0]);
}
