//! Reads a feature list, ours or the original as it is, and says precisely what is wrong with one that is none.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use serde_path_to_error::{Deserializer, Path as KeyPath, Segment, Track};

use super::entry::Entries;
use super::{CatalogueError, Feature, Place};

/// The features of a list, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    features: Vec<Feature>,
    hash: String,
}

impl Catalogue {
    /// Reads the list in a file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, CatalogueError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|cause| match cause.kind() {
            ErrorKind::IsADirectory => CatalogueError::Directory { path: path.into() },
            _ => CatalogueError::Unreadable { path: path.into(), cause },
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|wrong| {
            let (line, column) = line_and_column(&bytes[..wrong.valid_up_to()]);
            CatalogueError::NotUtf8 { path: path.into(), line, column }
        })?;
        Self::parse(text, path)
    }

    /// Reads the list in a text; the path is what errors call it.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, CatalogueError> {
        let path = path.as_ref();
        if text.trim().is_empty() {
            return Err(CatalogueError::Empty { path: path.into() });
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let mut track = Track::new();
        let entries = Entries::deserialize(Deserializer::new(&mut json, &mut track))
            .map_err(|wrong| invalid(path, &wrong, place(&track.path())))?;
        json.end().map_err(|wrong| invalid(path, &wrong, Place::default()))?;
        Ok(Self { features: entries.0, hash: format!("{:016x}", fnv_1a(text.as_bytes())) })
    }

    /// All features, in the order of their numbers.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The feature with this number.
    pub fn feature(&self, number: u16) -> Option<&Feature> {
        // Reading made sure that numbers run from 1 without a gap.
        self.features.get(usize::from(number).checked_sub(1)?)
    }

    /// How many features there are; never 0, since a list without features is refused.
    #[expect(clippy::len_without_is_empty, reason = "a catalogue is never empty")]
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Tells one text of a list from another: 16 hexadecimal digits that depend on every byte.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

fn invalid(path: &Path, wrong: &serde_json::Error, place: Place) -> CatalogueError {
    let said = wrong.to_string();
    let place_said = format!(" at line {} column {}", wrong.line(), wrong.column());
    let problem = said.strip_suffix(&place_said).unwrap_or(&said);
    // What serde calls a field is a key everywhere else in this project.
    let problem = problem.replacen("unknown field", "unknown key", 1);
    let problem = if wrong.is_data() { problem } else { format!("not valid JSON: {problem}") };
    CatalogueError::Invalid {
        path: path.into(),
        // The very first byte is reported as column 0.
        line: wrong.line(),
        column: wrong.column().max(1),
        place,
        problem,
    }
}

fn place(path: &KeyPath) -> Place {
    let mut segments = path.iter();
    let feature = segments.next().and_then(|segment| match segment {
        Segment::Seq { index } => Some(index + 1),
        _ => None,
    });
    let mut keys = String::new();
    for segment in segments {
        match segment {
            Segment::Map { key } if keys.is_empty() => keys.push_str(key),
            Segment::Map { key } => keys.extend([".", key]),
            Segment::Seq { index } => keys.push_str(&format!("[{index}]")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    Place { feature, keys }
}

/// The place, counted from 1, of the byte that follows these.
fn line_and_column(before: &[u8]) -> (usize, usize) {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}

/// FNV-1a with 64 bits: it tells versions of a file apart and guards against nobody.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests;
