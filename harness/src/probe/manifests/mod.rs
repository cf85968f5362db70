//! The manifests probe: Kubernetes manifests as a folder holds them, each document read strictly. It judges nothing.

mod kinds;
mod strict;

use crate::check::{CannotLook, Case, Live, Seen, Stop};
use crate::target::Need;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Case {
    /// How many files in the folder of manifests `kubectl apply -f` would read.
    ///
    /// # Errors
    /// [`Stop::Needs`] where there are no manifests to look at.
    pub async fn manifest_files(&mut self) -> Result<Seen, Stop> {
        self.needs(Need::Manifests)?;
        self.observe("manifests", json!("files"), async |live: Arc<Live>| Ok(json!(files(&folder(&live)?)?.len())))
            .await
    }

    /// One of them, in the order of their names: `/file`, and `/documents`, a list of `/object` as it is written,
    /// `/unknown` fields that its kind does not have, if any, and `/error` where it is not of its kind at all. A file that
    /// is no YAML has the one document `/error`.
    ///
    /// # Errors
    /// [`Stop::CannotLook`] where the file cannot be read.
    pub async fn manifest(&mut self, number: usize) -> Result<Seen, Stop> {
        self.needs(Need::Manifests)?;
        self.observe("manifests", json!({"file": number}), async |live: Arc<Live>| {
            let folder = folder(&live)?;
            let name = files(&folder)?.get(number).cloned();
            let name = name.ok_or_else(|| CannotLook::new("manifests", "a file has gone while it was looked at"))?;
            let path = folder.join(&name);
            let text = std::fs::read_to_string(&path).map_err(|error| cannot(&path, error))?;
            Ok(json!({"file": name, "documents": documents(&text)}))
        })
        .await
    }
}

fn folder(live: &Live) -> Result<PathBuf, CannotLook> {
    let folder = live.target.manifests.clone();
    folder.ok_or_else(|| CannotLook::new("manifests", "the target names no folder of manifests"))
}

fn files(folder: &Path) -> Result<Vec<String>, CannotLook> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| cannot(folder, error))? {
        let entry = entry.map_err(|error| cannot(folder, error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending)) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn cannot(path: &Path, error: std::io::Error) -> CannotLook {
    CannotLook::new("manifests", format!("{}: {error}", path.display()))
}

/// The documents of a file; an empty one between two separators is none.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    match serde_saphyr::from_multiple::<Value>(text) {
        Ok(objects) => {
            objects.into_iter().filter(|object| !object.is_null()).flat_map(unfolded).map(looked_at).collect()
        }
        Err(error) => vec![json!({"error": first_line(&error.to_string())})],
    }
}

/// A `List` is as if its items stood there by themselves; `kubectl apply` takes it so.
fn unfolded(mut object: Value) -> Vec<Value> {
    if object["apiVersion"] == "v1"
        && object["kind"] == "List"
        && let Some(Value::Array(items)) = object.get_mut("items").map(Value::take)
    {
        return items;
    }
    vec![object]
}

fn looked_at(object: Value) -> Value {
    match kinds::read(&object) {
        Ok(unknown) if unknown.is_empty() => json!({"object": object}),
        Ok(unknown) => json!({"object": object, "unknown": unknown}),
        Err(error) => json!({"object": object, "error": error}),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_hold_several_documents_and_empty_ones() {
        let text = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b, colour: red}\n";
        let all = documents(text);
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!(all[0]["unknown"], json!(null));
        assert_eq!(all[1]["unknown"], json!(["metadata.colour"]));
    }

    #[test]
    fn what_is_no_yaml_is_told_and_not_passed_over() {
        let all = documents("a: b: c\n");
        assert!(all[0]["error"].is_string() && all.len() == 1, "{all:?}");
    }

    #[test]
    fn a_key_that_is_written_twice_is_an_error() {
        assert!(documents("kind: A\nkind: B\n")[0]["error"].is_string());
    }

    #[test]
    fn a_list_is_as_if_its_items_stood_there_by_themselves() {
        let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n- {kind: b}\n";
        let read = documents(list);
        assert_eq!(read.len(), 2);
        assert_eq!(read[0]["object"]["metadata"]["name"], "a");
        assert!(read[1]["error"].as_str().unwrap().contains("missing"));
        assert_eq!(documents("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n").len(), 1);
    }
}
