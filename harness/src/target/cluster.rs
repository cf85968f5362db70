//! The Kubernetes cluster that a target's manifests are tried in.

use std::path::PathBuf;

/// How to reach a test cluster: what `kubectl` is told with `--kubeconfig`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The file with the address of the cluster and the way in. Its text never reaches a record.
    pub kubeconfig: PathBuf,
}
