//! The record of a run: a directory with all outcomes and their evidence. It is the truth; every report is a view of it.

mod catalogue_id;
mod earlier;
mod encoded;
mod environment;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod latest;
mod line;
mod merge;
#[cfg(test)]
pub(crate) mod mutation;
mod read;
mod redact;
#[cfg(test)]
pub(crate) mod schema;
mod write;

pub use catalogue_id::CatalogueId;
pub use earlier::runs;
pub use environment::{Deadlines, ServiceState};
pub use error::RecordError;
pub use latest::{latest, point_latest};
pub use line::{Footer, Header, RecordLine, VERSION};
pub use merge::{MergeError, merge};
pub use read::Record;
pub use redact::{REMOVED, Redactor};
pub use write::{RecordWriter, claim};

pub(crate) use encoded::{SECRET_FIELDS, SHORTEST_SECRET, Signs, encoded};

use std::path::{Path, PathBuf};

/// The file of a record that holds its header, its outcomes and its footer, a line each.
pub const OUTCOMES_FILE: &str = "outcomes.jsonl";

/// Where the evidence of a feature stands within a record: `evidence/f041.jsonl`.
pub fn evidence_path(dir: &Path, feature: u16) -> PathBuf {
    dir.join("evidence").join(format!("f{feature:03}.jsonl"))
}
