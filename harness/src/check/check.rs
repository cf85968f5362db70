//! The declaration of a check: which feature it decides, what it needs, how it is shown able to fail.

use super::{Case, Stop};
use crate::sabotage::Sabotage;
use crate::target::{Boxed, Need, Setup};

/// What a check's `run` returns: `Ok` once every step was decided, `Stop` where it could not go on.
pub type CheckFuture<'a> = Boxed<'a, Result<(), Stop>>;

/// The code that decides one feature, step by step.
pub struct Check {
    /// Number of the feature.
    pub feature: u16,
    /// Counts up whenever the check may judge otherwise than before; stands in every record.
    pub revision: u32,
    /// Which target it wants.
    pub setup: Setup,
    /// Without these nothing can be decided, and the whole feature is `skip`. What only some steps need, they ask for.
    pub needs: &'static [Need],
    /// The opposite case that must not trigger, in words.
    pub control: &'static str,
    /// Ways to break a target that must turn this feature red; at least one.
    pub sabotage: &'static [Sabotage],
    /// Decides the feature.
    pub run: for<'a> fn(&'a mut Case) -> CheckFuture<'a>,
}
