//! Which catalogue a run went by: its demands, and nothing of what was found about them.

use crate::catalogue::Catalogue;
use serde::{Deserialize, Serialize};

/// Tells one catalogue from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueId {
    /// Sixteen hexadecimal digits that follow from numbers, descriptions and steps.
    pub hash: String,
    /// How many features there are.
    pub features: usize,
}

impl CatalogueId {
    /// The identity of a catalogue.
    ///
    /// It does not depend on `passes`, which `conform mark` writes from a record of this very catalogue.
    pub fn of(catalogue: &Catalogue) -> CatalogueId {
        let mut hash = Fnv1a::new();
        for feature in catalogue.features() {
            hash.text(&feature.number.to_string());
            hash.text(&feature.description);
            hash.text(&feature.steps.len().to_string());
            for step in &feature.steps {
                hash.text(step);
            }
        }
        CatalogueId { hash: format!("{:016x}", hash.0), features: catalogue.len() }
    }
}

/// FNV-1a of 64 bits: it notices every edit, and nobody gains anything by forging it.
struct Fnv1a(u64);

impl Fnv1a {
    fn new() -> Fnv1a {
        Fnv1a(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a text and its end, so that moving a word from one text to the next is noticed.
    fn text(&mut self, text: &str) {
        for byte in text.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> CatalogueId {
        CatalogueId::of(&Catalogue::parse(text, "list.json").unwrap())
    }

    fn list(steps: &str, passes: bool) -> String {
        format!(r#"[{{"category":"functional","description":"One","steps":{steps},"passes":{passes}}}]"#)
    }

    #[test]
    fn what_was_found_does_not_change_the_identity() {
        assert_eq!(id(&list(r#"["a"]"#, true)), id(&list(r#"["a"]"#, false)));
    }

    #[test]
    fn a_changed_step_changes_the_identity() {
        assert_ne!(id(&list(r#"["a b"]"#, true)), id(&list(r#"["a", "b"]"#, true)));
        assert_eq!(id(&list("[]", true)).features, 1);
    }
}
