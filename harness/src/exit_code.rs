//! What the shell sees when a command ends.

use crate::outcome::Verdict;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing that was checked is wrong; for a gate, everything passed.
    Fine = 0,
    /// The target is wrong in at least one feature; for a gate, something did not pass.
    Failed = 1,
    /// The command line asks for something that does not exist or cannot be done.
    Misused = 2,
    /// The harness could not look, so nothing is said against the target, and nothing for it.
    CouldNotLook = 3,
}

impl Exit {
    /// How a run with these totals ended: what is wrong weighs more than what could not be looked at.
    pub fn of_run(totals: &BTreeMap<Verdict, usize>) -> Exit {
        let any = |verdict| totals.get(&verdict).is_some_and(|count| *count > 0);
        if any(Verdict::Fail) {
            Exit::Failed
        } else if any(Verdict::Error) {
            Exit::CouldNotLook
        } else {
            Exit::Fine
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;
    use crate::outcome::Verdict::{self, *};

    fn of(verdicts: &[Verdict]) -> Exit {
        Exit::of_run(&verdicts.iter().map(|verdict| (*verdict, 1)).collect())
    }

    #[test]
    fn a_run_fails_only_on_what_is_wrong_and_tells_what_it_could_not_see() {
        assert_eq!(of(&[Pass, Partial, Skip, Unchecked]), Exit::Fine);
        assert_eq!(of(&[Pass, Error]), Exit::CouldNotLook);
        assert_eq!(of(&[Pass, Error, Fail]), Exit::Failed);
        assert_eq!(Exit::of_run(&[(Fail, 0)].into()), Exit::Fine);
    }

    #[test]
    fn the_numbers_are_those_the_manual_names() {
        let numbers = [Exit::Fine, Exit::Failed, Exit::Misused, Exit::CouldNotLook].map(|exit| exit as u8);
        assert_eq!(numbers, [0, 1, 2, 3]);
    }
}
