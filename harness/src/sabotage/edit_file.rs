//! Breaks a file that the target is deployed by: a manifest, the compose file.

use super::Sabotage;
use crate::provision::Alteration;

/// In a file that comes with the target, a text becomes another.
pub const fn edit_file(what: &'static str, file: &'static str, from: &'static str, to: &'static str) -> Sabotage {
    Sabotage { what, how: Alteration::EditFile { file, from, to }, also_red: &[] }
}
