//! How long a check may take.

use crate::check::{Check, Live};
use crate::target::Need;
use std::time::Duration;

/// What a check may take beside its waits: far more than any sound target needs.
const WORK: Duration = Duration::from_secs(120);
/// Long waits in one check, at most.
const WAITS: u32 = 8;
/// What it may take in a cluster, which pulls images and starts pods more than once.
const IN_A_CLUSTER: Duration = Duration::from_secs(1_500);

/// The deadline of one check, under the patience of the run.
pub fn deadline(live: &Live, check: &Check) -> Duration {
    let tries_manifests = check.needs.contains(&Need::Manifests) && live.target.cluster.is_some();
    let in_a_cluster = if tries_manifests { IN_A_CLUSTER } else { Duration::ZERO };
    WORK + live.patience.longest_wait * WAITS + in_a_cluster
}
