//! What a run finds: verdicts, expectations and the observations they rest on. Data with public fields, and how it is written.

mod evidence;
mod harmless;
mod observation;
mod verdict;

pub use evidence::{BadEvidence, Circumstances, Evidence, EvidenceLine};
pub use harmless::{acts, json_line};
pub use observation::Observation;
pub use verdict::{Expectation, Outcome, StepOutcome, Verdict};
