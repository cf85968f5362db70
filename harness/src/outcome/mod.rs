//! What a run finds: verdicts, expectations and the observations they rest on. Data with public fields, nothing else.

mod evidence;
mod observation;
mod verdict;

pub use evidence::{BadEvidence, Circumstances, Evidence, EvidenceLine};
pub use observation::Observation;
pub use verdict::{Expectation, Outcome, StepOutcome, Verdict};
