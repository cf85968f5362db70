//! How many of how many, and what that is in percent.

use crate::outcome::Outcome;
use serde::Serialize;

/// A part of a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Share {
    pub(super) part: usize,
    pub(super) whole: usize,
}

impl Share {
    pub(super) fn new(part: usize, whole: usize) -> Share {
        Share { part, whole }
    }

    /// The scenarios of some outcomes: expectations, and how many of them hold.
    pub(super) fn of_scenarios<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Share {
        let steps = outcomes.into_iter().flat_map(|outcome| &outcome.steps);
        let all = steps.flat_map(|step| &step.expectations);
        all.fold(Share::default(), |share, one| Share::new(share.part + usize::from(one.holds), share.whole + 1))
    }

    /// Hundredths of a percent, rounded; nothing of nothing is no percentage.
    fn hundredths(self) -> Option<usize> {
        (self.part * 10_000 + self.whole / 2).checked_div(self.whole)
    }

    /// `6.19%`.
    pub(super) fn percent(self) -> String {
        match self.hundredths() {
            Some(hundredths) => format!("{}.{:02}%", hundredths / 100, hundredths % 100),
            None => "–".to_owned(),
        }
    }

    /// `84%`, and `6.19%` where it is no whole number.
    pub(super) fn short_percent(self) -> String {
        match self.hundredths() {
            Some(hundredths) if hundredths.is_multiple_of(100) => format!("{}%", hundredths / 100),
            _ => self.percent(),
        }
    }

    /// `42 of 679 (6.19%)`.
    pub(super) fn words(self) -> String {
        format!("{} of {} ({})", self.part, self.whole, self.percent())
    }

    /// `+2 (+0.30%)`, in points: the difference of the two percentages as they are shown, so that a reader who takes
    /// one from the other finds the same.
    pub(super) fn change_since(self, before: Share) -> String {
        let points = match (self.hundredths(), before.hundredths()) {
            (Some(now), Some(then)) => {
                let sign = if now < then { '-' } else { '+' };
                let points = now.abs_diff(then);
                format!(" ({sign}{}.{:02}%)", points / 100, points % 100)
            }
            _ => String::new(),
        };
        format!("{}{points}", signed(self.part, before.part))
    }
}

/// `+2`, `-1`, `0`.
pub(super) fn signed(now: usize, then: usize) -> String {
    match now.abs_diff(then) {
        0 => "0".to_owned(),
        by if now > then => format!("+{by}"),
        by => format!("-{by}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_two_decimals_and_their_difference_fits_them() {
        let (before, after) = (Share::new(40, 679), Share::new(42, 679));
        assert_eq!((before.percent(), after.percent()), ("5.89%".to_owned(), "6.19%".to_owned()));
        // 2 of 679 are 0.2946%, but 6.19 minus 5.89 is 0.30.
        assert_eq!(after.change_since(before), "+2 (+0.30%)");
        assert_eq!(before.change_since(after), "-2 (-0.30%)");
        assert_eq!(after.change_since(after), "0 (+0.00%)");
    }

    #[test]
    fn a_whole_percentage_needs_no_decimals_where_it_stands_alone() {
        let told = [(42, 50), (0, 60), (1, 130), (129, 129), (2, 3)].map(|(part, whole)| Share::new(part, whole));
        assert_eq!(told.map(Share::short_percent), ["84%", "0%", "0.77%", "100%", "66.67%"]);
        assert_eq!(Share::new(0, 0).words(), "0 of 0 (–)");
    }
}
