//! What is laid over the user's compose file: labels by which everything is found again, and the programs to be tried
//! in place of those that a stand-in image holds.

use crate::provision::error::ProvisionError;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A program of this machine, mounted into a container.
pub struct Mounted {
    /// Here.
    pub program: PathBuf,
    /// There.
    pub inside: &'static str,
}

/// The names that a compose file gives to things, by the kind of thing.
fn names(file: &Value, kind: &str) -> Vec<String> {
    file[kind].as_object().into_iter().flat_map(Map::keys).cloned().collect()
}

/// A compose file that adds to another. `mounted` is asked for each service.
///
/// # Errors
/// Where the other file cannot be read.
pub fn over(
    file: &Path,
    labels: &BTreeMap<String, String>,
    mounted: impl Fn(&str) -> Option<Mounted>,
) -> Result<Value, ProvisionError> {
    let text = std::fs::read_to_string(file).map_err(ProvisionError::file("read", file))?;
    let base: Value = serde_saphyr::from_str(&text)
        .map_err(|error| ProvisionError::NoCompose(format!("{} is no compose file: {error}", file.display())))?;
    let service = |name: String| {
        let mut added = json!({"labels": labels});
        if let Some(Mounted { program, inside }) = mounted(&name) {
            added["volumes"] = json!([format!("{}:{inside}:ro", program.display())]);
        }
        (name, added)
    };
    let labelled = |name: String| (name, json!({"labels": labels}));
    Ok(json!({
        "services": names(&base, "services").into_iter().map(service).collect::<Map<_, _>>(),
        "networks": names(&base, "networks").into_iter().map(labelled).collect::<Map<_, _>>(),
        "volumes": names(&base, "volumes").into_iter().map(labelled).collect::<Map<_, _>>(),
    }))
}
