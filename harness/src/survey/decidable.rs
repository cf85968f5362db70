//! What could be decided of a feature on a target: from what its check asked for when it passed on the reference.
//!
//! The rule is simple and errs on the side of promise. A check is replayed on the evidence that comes with the suite,
//! and whatever it insists on is noted with its step. What the target lacks of that leaves the step undecided, and the
//! later ones too where the check goes no further. What a check can do without does not count.

use crate::catalogue::Feature;
use crate::check::{Check, Want};
use crate::outcome::Evidence;
use crate::proof::replay;
use crate::target::{Need, Target};
use std::collections::BTreeSet;
use std::time::Duration;

/// What can be decided of one feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decidable {
    /// Number of the feature.
    pub feature: u16,
    /// How many steps it has.
    pub steps: usize,
    /// How many of them can be decided.
    pub decided: usize,
    /// What the others lack.
    pub missing: BTreeSet<Need>,
}

impl Decidable {
    /// Every step can be decided.
    pub fn is_whole(&self) -> bool {
        self.decided == self.steps
    }

    /// Some steps can be decided and others cannot.
    pub fn is_part(&self) -> bool {
        self.decided > 0 && !self.is_whole()
    }
}

/// What can be decided of a feature on a target, with leave to wait so long.
pub fn decidable(
    check: &Check,
    feature: &Feature,
    evidence: &Evidence,
    target: &Target,
    patience: Duration,
) -> Decidable {
    let has = |need: Need| match need {
        Need::Patience(wait) => wait <= patience || target.clock,
        other => target.has(other),
    };
    let declared = check.needs.iter().map(|&need| Want { step: 0, need, ends: true });
    let wants: Vec<Want> = declared.chain(replay(check, feature, evidence).wants).collect();
    weigh(feature.number, feature.steps.len(), &wants, has)
}

fn weigh(feature: u16, steps: usize, wants: &[Want], has: impl Fn(Need) -> bool) -> Decidable {
    let mut undecided = BTreeSet::new();
    let mut missing = BTreeSet::new();
    let mut begun = BTreeSet::new();
    let mut ended = false;
    for want in wants {
        let number = usize::from(want.step);
        begun.insert(number);
        if has(want.need) {
            continue;
        }
        missing.insert(want.need);
        if !want.ends {
            undecided.insert(number);
        } else if !ended {
            ended = true;
            // Steps need not come in the order of their numbers: those begun before are decided, all others are not.
            begun.remove(&number);
            undecided.extend((1..=steps).filter(|step| !begun.contains(step)));
        }
    }
    let decided = (1..=steps).filter(|step| !undecided.contains(step)).count();
    Decidable { feature, steps, decided, missing }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(step: u8, need: Need, ends: bool) -> Want {
        Want { step, need, ends }
    }

    #[test]
    fn what_ends_a_check_leaves_the_later_steps_undecided_and_what_does_not_only_its_own() {
        let wants = [
            want(0, Need::Control, true),
            want(1, Need::Control, true),
            want(2, Need::Redis, false),
            want(3, Need::Control, true),
            want(4, Need::Sql, true),
            want(5, Need::Control, true),
        ];
        let all = weigh(7, 5, &wants, |_| true);
        assert!(all.is_whole() && all.missing.is_empty());
        let some = weigh(7, 5, &wants, |need| need == Need::Control);
        assert_eq!((some.decided, some.is_part()), (2, true), "steps 1 and 3");
        assert_eq!(some.missing, [Need::Sql, Need::Redis].into());
        let none = weigh(7, 5, &wants, |_| false);
        assert_eq!((none.decided, none.is_part()), (0, false));
    }
}
