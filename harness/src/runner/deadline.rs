//! How long a check may take.

use crate::check::Patience;
use std::time::Duration;

/// What a check may take beside its waits: far more than any sound target needs.
const WORK: Duration = Duration::from_secs(120);
/// Long waits in one check, at most.
const WAITS: u32 = 8;

/// The deadline of one check, under the patience of the run.
pub fn deadline(patience: Patience) -> Duration {
    WORK + patience.longest_wait * WAITS
}
