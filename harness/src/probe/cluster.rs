//! The cluster probe: the manifests of a target in a Kubernetes cluster, by way of `kubectl`.
//!
//! Of what the cluster tells, only what a deployment's state is read from is kept: names, numbers of pods, conditions. No
//! Secret is ever asked for.

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::Need;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Stands in a command for the folder of manifests.
const FOLDER: &str = "k8s/";
/// How long `kubectl` may take, unless it waits for the cluster.
const ANSWER: Duration = Duration::from_secs(60);
/// How long the cluster may take to do what it was asked for, in answers: images are pulled, probes have their first
/// delay. With the usual ten seconds for an answer, that is five minutes.
const SETTLED_WITHIN: u32 = 30;
/// How often the cluster is asked while something is waited for.
const PAUSE: Duration = Duration::from_millis(500);
/// Of what `kubectl` prints, so many characters are kept.
const LONGEST: usize = 4_000;
/// Of requests that were not answered, so many are told.
const MOST_UNANSWERED: usize = 20;
/// Of an object's state, this is kept.
const KEPT: [&str; 18] = [
    "/metadata/name",
    "/metadata/labels",
    "/metadata/uid",
    "/metadata/generation",
    "/spec/clusterIP",
    "/spec/ports",
    "/spec/replicas",
    "/spec/minReplicas",
    "/spec/maxReplicas",
    "/status/phase",
    "/status/observedGeneration",
    "/status/replicas",
    "/status/readyReplicas",
    "/status/updatedReplicas",
    "/status/currentReplicas",
    "/status/desiredReplicas",
    "/status/conditions",
    "/status/containerStatuses",
];
/// Of a condition and of a container's state, this.
const KEPT_OF_PARTS: [&str; 6] = ["type", "status", "reason", "name", "ready", "restartCount"];

impl Case {
    /// Makes sure that the cluster answers and has none of what the manifests describe, for it is removed in the end.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where it does not answer, or has.
    pub async fn enter_cluster(&mut self) -> Result<(), Stop> {
        self.needs(Need::Cluster)?;
        let words = ["get", "-f", FOLDER, "--ignore-not-found", "-o", "name"];
        self.observe("cluster", json!({"kubectl": words}), async |live: Arc<Live>| {
            let asked = kubectl(&live, &["get", "--raw", "/version"], ANSWER).await?;
            if asked["exit"] != 0 {
                let said = asked["error"].as_str().unwrap_or_default().trim().to_owned();
                return Err(cannot(format!("the cluster does not answer: {said}; look at the file of --kubeconfig")));
            }
            let said = kubectl(&live, &words, ANSWER).await?;
            let there = said["output"].as_str().unwrap_or_default().trim().replace('\n', ", ");
            if there.is_empty() {
                return Ok(json!({"there": []}));
            }
            Err(cannot(format!("the cluster has {there} already; name a test cluster that is empty")))
        })
        .await?;
        Ok(())
    }

    /// Runs `kubectl` with these words; `k8s/` is the folder of manifests. `/exit`, `/output`, `/error`.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where there is no `kubectl`, or it does not end.
    pub async fn kubectl(&mut self, words: &[&str]) -> Result<Seen, Stop> {
        self.needs(Need::Cluster)?;
        self.observe("cluster", json!({"kubectl": words}), async |live: Arc<Live>| {
            kubectl(&live, words, settled_within(&live)).await
        })
        .await
    }

    /// The objects of a kind in a namespace, as soon as they are as `settled` wants them or patience ends: a list of
    /// `/metadata/name`, `/spec/replicas`, `/status/readyReplicas`, …
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the cluster does not tell.
    pub async fn objects_until(
        &mut self,
        namespace: &str,
        kind: &str,
        settled: impl Fn(&[Value]) -> bool,
    ) -> Result<Seen, Stop> {
        self.needs(Need::Cluster)?;
        let words = ["get", kind, "--namespace", namespace, "-o", "json"];
        self.observe("cluster", json!({"kubectl": words, "until": "settled"}), async |live: Arc<Live>| {
            let deadline = Instant::now() + settled_within(&live);
            loop {
                let objects = objects(&live, &words).await?;
                if settled(&objects) || Instant::now() > deadline {
                    return Ok(Value::Array(objects));
                }
                sleep(PAUSE).await;
            }
        })
        .await
    }

    /// Runs `kubectl` while a path of the cluster's API is asked again and again, one request after the other:
    /// `/exit`, `/output`, `/error` of the command, `/answered`, and `/unanswered`, a list of what was said
    /// instead, of the first twenty.
    ///
    /// # Errors
    /// As [`Case::kubectl`].
    pub async fn kubectl_under_requests(&mut self, words: &[&str], path: &str) -> Result<Seen, Stop> {
        self.needs(Need::Cluster)?;
        let asked = json!({"kubectl": words, "while_asking": path});
        self.observe("cluster", asked, async |live: Arc<Live>| {
            let command = kubectl(&live, words, settled_within(&live));
            tokio::pin!(command);
            let (mut answered, mut unanswered) = (0_u32, Vec::new());
            let question = ["get", "--raw", path];
            loop {
                let request = kubectl(&live, &question, ANSWER);
                tokio::pin!(request);
                // What is under way when the command ends is waited for, too: it is then that the last old pod goes.
                let (ended, said) = tokio::select! {
                    ended = &mut command => (Some(ended?), request.await?),
                    said = &mut request => (None, said?),
                };
                if said["exit"] == 0 {
                    answered += 1;
                } else if unanswered.len() < MOST_UNANSWERED {
                    unanswered.push(said["error"].clone());
                }
                if let Some(mut ended) = ended {
                    ended["answered"] = json!(answered);
                    ended["unanswered"] = json!(unanswered);
                    return Ok(ended);
                }
            }
        })
        .await
    }

    /// Keeps a shell of each of these pods busy until the objects of a kind are as `settled` wants them or patience
    /// ends, and returns them as [`Case::objects_until`] does.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where there is no `kubectl`, or the cluster does not tell.
    pub async fn objects_under_load(
        &mut self,
        namespace: &str,
        pods: &[String],
        kind: &str,
        settled: impl Fn(&[Value]) -> bool,
    ) -> Result<Seen, Stop> {
        self.needs(Need::Cluster)?;
        let words = ["get", kind, "--namespace", namespace, "-o", "json"];
        self.observe("cluster", json!({"kubectl": words, "busy": pods}), async |live: Arc<Live>| {
            let deadline = Instant::now() + settled_within(&live);
            let spin = format!("timeout {} sh -c 'while :; do :; done'", settled_within(&live).as_secs());
            let busy = |pod: &String| start(&live, &["exec", "--namespace", namespace, pod, "--", "sh", "-c", &spin]);
            // Killed when dropped; what runs inside the pods ends by itself.
            let _busy: Vec<Child> = pods.iter().map(busy).collect::<Result<_, _>>()?;
            loop {
                let objects = objects(&live, &words).await?;
                if settled(&objects) || Instant::now() > deadline {
                    return Ok(Value::Array(objects));
                }
                sleep(PAUSE).await;
            }
        })
        .await
    }

    /// Removes from the cluster what the manifests describe. Nothing is observed, and it is no step of a check.
    pub async fn leave_cluster(&mut self) {
        if let Some(live) = self.target_of("cluster") {
            let words = ["delete", "-f", FOLDER, "--ignore-not-found", "--wait=false"];
            let _ = kubectl(&live, &words, settled_within(&live)).await;
        }
    }
}

fn settled_within(live: &Live) -> Duration {
    live.patience.answer * SETTLED_WITHIN
}

async fn objects(live: &Live, words: &[&str]) -> Result<Vec<Value>, CannotLook> {
    let printed = print(live, words, ANSWER).await?;
    let list: Value = serde_json::from_slice(&printed.stdout)
        .map_err(|error| cannot(format!("`kubectl {}` printed no JSON: {error}", words.join(" "))))?;
    Ok(list["items"].as_array().map(|items| items.iter().map(essence).collect()).unwrap_or_default())
}

/// What is kept of an object.
fn essence(object: &Value) -> Value {
    let mut kept = Map::new();
    for pointer in KEPT {
        if let Some(value) = object.pointer(pointer) {
            let mut names = pointer[1..].split('/');
            let (part, name) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
            let part = kept.entry(part).or_insert_with(|| json!({}));
            part[name] = match value {
                Value::Array(items) if name == "conditions" || name == "containerStatuses" => {
                    items.iter().map(essence_of_part).collect()
                }
                other => other.clone(),
            };
        }
    }
    Value::Object(kept)
}

fn essence_of_part(part: &Value) -> Value {
    let fields = KEPT_OF_PARTS.iter().filter_map(|&name| Some((name.to_owned(), part.get(name)?.clone())));
    Value::Object(fields.collect())
}

async fn kubectl(live: &Live, words: &[&str], within: Duration) -> Result<Value, CannotLook> {
    let output = print(live, words, within).await?;
    let text = |bytes: &[u8]| live.vault.beginning(&String::from_utf8_lossy(bytes), LONGEST);
    Ok(json!({"exit": output.status.code(), "output": text(&output.stdout), "error": text(&output.stderr)}))
}

async fn print(live: &Live, words: &[&str], within: Duration) -> Result<std::process::Output, CannotLook> {
    let running = start(live, words)?.wait_with_output();
    match timeout(within, running).await {
        Ok(output) => output.map_err(|error| cannot(format!("kubectl: {error}"))),
        Err(_) => Err(cannot(format!("`kubectl {}` did not end within {} s", words.join(" "), within.as_secs()))),
    }
}

fn start(live: &Live, words: &[&str]) -> Result<Child, CannotLook> {
    let cluster = live.target.cluster.as_ref().ok_or_else(|| cannot("the run names no cluster".into()))?;
    let manifests = live.target.manifests.as_deref().unwrap_or(Path::new(FOLDER));
    let mut command = Command::new("kubectl");
    command.arg("--kubeconfig").arg(&cluster.kubeconfig);
    for word in words {
        if *word == FOLDER {
            command.arg(manifests)
        } else {
            command.arg(word)
        };
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().map_err(|error| cannot(format!("kubectl could not be run ({error}); put it on the PATH")))
}

fn cannot(reason: String) -> CannotLook {
    CannotLook::new("cluster", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_object_only_its_state_is_kept() {
        let pod = json!({
            "metadata": {"name": "p", "annotations": {"secret": "x"}},
            "spec": {"containers": [{"env": [{"name": "PASSWORD", "value": "x"}]}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "message": "x"}]},
        });
        let kept = json!({
            "metadata": {"name": "p"},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        assert_eq!(essence(&pod), kept);
    }
}
