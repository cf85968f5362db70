//! The eight phases of the project, each a range of numbers.

use std::ops::RangeInclusive;

/// A stretch of the project: the features it brings, in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// Its number, from 1.
    pub number: u8,
    /// The numbers of its features.
    pub features: RangeInclusive<u16>,
    /// What it brings.
    pub name: &'static str,
}

/// Which numbers are whose: in order, without gap or overlap.
pub const PHASES: [Phase; 8] = [
    phase(1, 1..=50, "foundation"),
    phase(2, 51..=110, "core"),
    phase(3, 111..=170, "AI and diagram-as-code"),
    phase(4, 171..=240, "collaboration and notes"),
    phase(5, 241..=310, "git and version history"),
    phase(6, 311..=420, "export and enterprise"),
    phase(7, 421..=550, "integrations and organization"),
    phase(8, 551..=679, "polish and optimization"),
];

const fn phase(number: u8, features: RangeInclusive<u16>, name: &'static str) -> Phase {
    Phase { number, features, name }
}

impl Phase {
    /// The phase of a feature, or none where there is no feature of that number.
    pub fn of(feature: u16) -> Option<&'static Self> {
        PHASES.iter().find(|phase| phase.features.contains(&feature))
    }

    /// The phase with this number.
    pub fn numbered(number: u8) -> Option<&'static Self> {
        PHASES.iter().find(|phase| phase.number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_exactly_one_phase() {
        let mut next = 1;
        for (place, phase) in (1..).zip(&PHASES) {
            assert_eq!(phase.number, place);
            assert_eq!(*phase.features.start(), next, "{} leaves no gap", phase.name);
            next = phase.features.end() + 1;
        }
        assert_eq!(next, 680);
        assert_eq!(Phase::of(0), None);
        assert_eq!(Phase::of(680), None);
        assert_eq!(Phase::of(50).map(|phase| phase.number), Some(1));
        assert_eq!(Phase::of(51).map(|phase| phase.name), Some("core"));
    }

    #[test]
    fn a_phase_is_found_by_its_number() {
        assert_eq!(Phase::numbered(8).map(|phase| phase.name), Some("polish and optimization"));
        assert_eq!(Phase::numbered(9), None);
    }
}
