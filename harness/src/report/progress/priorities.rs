//! What comes next: the first features by number that do not pass.

use super::accomplished::belongs;
use super::compare::{Comparison, passes};
use crate::report::{plain, reason};
use serde::Serialize;

/// How many features are named.
const NEXT: usize = 5;

/// A feature that does not pass yet.
#[derive(Debug, Serialize)]
pub(super) struct Priority {
    pub(super) feature: u16,
    /// None where no record looked at it.
    pub(super) description: Option<String>,
    pub(super) belongs: String,
    /// `unchecked: no check exists yet`.
    pub(super) state: String,
}

/// The next features, ascending. One that was not looked at again counts as it was found before.
pub(super) fn priorities(comparison: &Comparison<'_>) -> Vec<Priority> {
    let numbers = (1..=comparison.record.header.catalogue.features).filter_map(|number| u16::try_from(number).ok());
    let open = numbers.filter(|number| !comparison.known(*number).is_some_and(passes));
    let priority = |feature| {
        let known = comparison.known(feature);
        Priority {
            feature,
            description: known.map(|outcome| plain::line(&outcome.description)),
            belongs: belongs(feature),
            state: known.map_or_else(|| "not looked at".to_owned(), reason::why),
        }
    };
    open.take(NEXT).map(priority).collect()
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    fn numbers(priorities: &[Priority]) -> Vec<u16> {
        priorities.iter().map(|priority| priority.feature).collect()
    }

    #[test]
    fn the_next_five_by_number_come_next() {
        let [before, mut after] = golden::records();
        assert_eq!(numbers(&priorities(&Comparison::of(&after, Some(&before)))), [43, 44, 45, 46, 47]);
        after.outcomes.retain(|outcome| (41..=50).contains(&outcome.feature));
        let again = priorities(&Comparison::of(&after, Some(&before)));
        assert_eq!(numbers(&again), [43, 44, 45, 46, 47], "the first 40 passed when they were last looked at");
        let alone = priorities(&Comparison::of(&after, None));
        assert_eq!(numbers(&alone), [1, 2, 3, 4, 5]);
        assert_eq!((alone[0].description.as_ref(), alone[0].state.as_str()), (None, "not looked at"));
    }

    #[test]
    fn at_the_end_nothing_is_left() {
        let [_, mut after] = golden::records();
        after.header.catalogue.features = 42;
        assert!(priorities(&Comparison::of(&after, None)).is_empty());
    }
}
