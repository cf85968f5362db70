//! The files that the reference is deployed by, as its source has them, or copies that a sabotage has changed.

use super::alteration::Alteration;
use super::error::ProvisionError;
use std::path::{Path, PathBuf};

/// The compose file, from the folder of the reference.
pub const COMPOSE_FILE: &str = "compose.yaml";
/// Kubernetes manifests, from the folder of the reference.
const MANIFESTS: &str = "deploy/k8s";

/// The folder of manifests; none where the source is not at hand.
pub fn manifests(
    source: Option<&Path>,
    scratch: &Path,
    alterations: &[Alteration],
) -> Result<Option<PathBuf>, ProvisionError> {
    source.map(|source| folder(source, MANIFESTS, scratch, alterations)).transpose()
}

/// The compose file.
///
/// # Errors
/// Where it is not there, or a sabotage does not fit it.
pub fn compose_file(source: &Path, scratch: &Path, alterations: &[Alteration]) -> Result<PathBuf, ProvisionError> {
    let edits: Vec<Edit> = alterations.iter().filter_map(compose_edit).collect();
    let original = source.join(COMPOSE_FILE);
    if edits.is_empty() {
        return Ok(original);
    }
    let copy = scratch.join(COMPOSE_FILE);
    std::fs::copy(&original, &copy).map_err(ProvisionError::file("copy", &original))?;
    for edit in edits {
        edit.apply(scratch)?;
    }
    Ok(copy)
}

fn compose_edit(alteration: &Alteration) -> Option<Edit> {
    match *alteration {
        Alteration::EditFile { file, from, to } if file == COMPOSE_FILE => Some(Edit { file, from, to }),
        _ => None,
    }
}

/// A folder of the source as it is, or, where one of its files is to be changed, a copy of it.
fn folder(source: &Path, name: &str, scratch: &Path, alterations: &[Alteration]) -> Result<PathBuf, ProvisionError> {
    let edits: Vec<Edit> = alterations.iter().filter_map(|alteration| edit(alteration, name)).collect();
    let original = source.join(name);
    if edits.is_empty() {
        return Ok(original);
    }
    let copy = scratch.join(name);
    std::fs::create_dir_all(&copy).map_err(ProvisionError::file("create", &copy))?;
    for entry in std::fs::read_dir(&original).map_err(ProvisionError::file("read", &original))? {
        let entry = entry.map_err(ProvisionError::file("read", &original))?;
        let (from, to) = (entry.path(), copy.join(entry.file_name()));
        // What lies in folders below is not applied with the folder, and is not looked at.
        if !from.is_file() {
            continue;
        }
        std::fs::copy(&from, &to).map_err(ProvisionError::file("copy", &from))?;
    }
    for edit in edits {
        edit.apply(&copy)?;
    }
    Ok(copy)
}

/// A change to one file of a folder.
struct Edit {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

fn edit(alteration: &Alteration, folder: &str) -> Option<Edit> {
    match *alteration {
        Alteration::EditFile { file, from, to } => {
            let file = file.strip_prefix(folder)?.strip_prefix('/')?;
            Some(Edit { file, from, to })
        }
        _ => None,
    }
}

impl Edit {
    fn apply(&self, folder: &Path) -> Result<(), ProvisionError> {
        let path = folder.join(self.file);
        let text = std::fs::read_to_string(&path).map_err(ProvisionError::file("read", &path))?;
        if !text.contains(self.from) {
            return Err(ProvisionError::NothingToEdit { path, text: self.from });
        }
        std::fs::write(&path, text.replace(self.from, self.to)).map_err(ProvisionError::file("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_a_copy_and_a_change_without_effect_is_an_error() {
        let place = std::env::temp_dir().join(format!("deployment-{}", crate::provision::random::hex(4)));
        let source = place.join("source");
        std::fs::create_dir_all(source.join(MANIFESTS)).unwrap();
        std::fs::write(source.join(MANIFESTS).join("a.yaml"), "kind: A\n").unwrap();
        let edit = |from| Alteration::EditFile { file: "deploy/k8s/a.yaml", from, to: "kind: B" };
        let made = |alterations: &[Alteration]| manifests(Some(&source), &place.join("scratch"), alterations);

        assert_eq!(made(&[]).unwrap(), Some(source.join(MANIFESTS)));
        let copy = made(&[edit("kind: A")]).unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(copy.join("a.yaml")).unwrap(), "kind: B\n");
        assert!(made(&[edit("kind: C")]).is_err());
        assert_eq!(std::fs::read_to_string(source.join(MANIFESTS).join("a.yaml")).unwrap(), "kind: A\n");

        std::fs::remove_dir_all(&place).unwrap();
    }
}
