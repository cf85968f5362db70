//! What is checked: one directory per area, one file per feature, in catalogue order.

mod infrastructure;

use crate::check::Check;

/// Every check there is, by feature number.
pub fn all() -> impl Iterator<Item = &'static Check> {
    infrastructure::CHECKS.iter().copied()
}

/// The check of one feature, if there is one.
pub fn find(feature: u16) -> Option<&'static Check> {
    all().find(|check| check.feature == feature)
}
