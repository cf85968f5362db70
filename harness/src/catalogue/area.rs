//! What a feature is about: fifteen areas, each a range of numbers.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// What a feature is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// Containers, stores, gateway, observability, deployment, security baseline.
    Infrastructure,
    /// Accounts, signing in, tokens, permissions.
    Auth,
    /// Diagrams as documents: making, finding, filing and deleting them.
    Diagrams,
    /// Drawing: shapes, selection, layers, keyboard.
    Canvas,
    /// Diagrams as code, in the Mermaid language.
    Mermaid,
    /// Diagrams made and improved by AI providers.
    Ai,
    /// Working on one diagram at the same time.
    Collaboration,
    /// Comments, threads and mentions.
    Comments,
    /// The history of a diagram.
    Versions,
    /// Diagrams as files of other formats.
    Export,
    /// Single sign-on, teams, audit, retention, licences and quotas.
    Enterprise,
    /// The dashboard: views, folders, search, sorting and filters.
    Organization,
    /// Shortcuts, responsive layout, speed, work without a network.
    Ux,
    /// What the first customer, Bayer, asks for: its AI provider, network and hosting.
    Customer,
    /// Looks, accessibility, onboarding and help.
    Polish,
}

/// Which numbers are whose: in order, without gap or overlap.
const TABLE: [(Area, &str, RangeInclusive<u16>); 15] = [
    (Area::Infrastructure, "infrastructure", 1..=63),
    (Area::Auth, "auth", 64..=115),
    (Area::Diagrams, "diagrams", 116..=161),
    (Area::Canvas, "canvas", 162..=258),
    (Area::Mermaid, "mermaid", 259..=309),
    (Area::Ai, "ai", 310..=384),
    (Area::Collaboration, "collaboration", 385..=424),
    (Area::Comments, "comments", 425..=454),
    (Area::Versions, "versions", 455..=484),
    (Area::Export, "export", 485..=519),
    (Area::Enterprise, "enterprise", 520..=559),
    (Area::Organization, "organization", 560..=589),
    (Area::Ux, "ux", 590..=624),
    (Area::Customer, "customer", 625..=649),
    (Area::Polish, "polish", 650..=679),
];

impl Area {
    /// The area of a feature, or none where there is no feature of that number.
    pub fn of(number: u16) -> Option<Self> {
        TABLE.iter().find_map(|(area, _, numbers)| numbers.contains(&number).then_some(*area))
    }

    /// All areas, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(area, ..)| *area)
    }

    /// The word for it, in the catalogue file and on the command line.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// The numbers of its features.
    pub fn numbers(self) -> RangeInclusive<u16> {
        TABLE[self as usize].2.clone()
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Area {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A word that names no area.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no area `{0}`; the areas are {names}", names = names())]
pub struct UnknownArea(pub String);

fn names() -> String {
    Area::all().map(Area::name).collect::<Vec<_>>().join(", ")
}

impl FromStr for Area {
    type Err = UnknownArea;

    fn from_str(word: &str) -> Result<Self, UnknownArea> {
        Self::all().find(|area| area.name() == word).ok_or_else(|| UnknownArea(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_enum() {
        for (place, area) in Area::all().enumerate() {
            assert_eq!(place, area as usize, "{area}");
        }
    }

    #[test]
    fn every_number_has_exactly_one_area() {
        let mut next = 1;
        for area in Area::all() {
            assert_eq!(*area.numbers().start(), next, "{area} leaves no gap");
            next = area.numbers().end() + 1;
        }
        assert_eq!(next, 680);
        assert_eq!(Area::of(0), None);
        assert_eq!(Area::of(680), None);
        assert_eq!(Area::of(63), Some(Area::Infrastructure));
        assert_eq!(Area::of(64), Some(Area::Auth));
    }

    #[test]
    fn a_name_reads_back_as_its_area() {
        for area in Area::all() {
            assert_eq!(area.name().parse(), Ok(area));
        }
    }

    #[test]
    fn an_unknown_name_is_told_what_there_is() {
        let told = "kanvas".parse::<Area>().unwrap_err().to_string();
        assert!(told.starts_with("there is no area `kanvas`; the areas are infrastructure, auth,"), "{told}");
    }
}
