//! What a check asked its target to have, and in which step: the ground on which a survey says what can be decided.

use crate::target::Need;
use std::sync::Mutex;

/// One thing that a check asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// The step at work; 0 before the first.
    pub step: u8,
    /// What was asked for.
    pub need: Need,
    /// Whether the check goes no further without it; else only this step is left undecided.
    pub ends: bool,
}

/// The list of one case. It is written to by those who only look at the case, too.
#[derive(Debug, Default)]
pub(super) struct Wants(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    wants: Vec<Want>,
    /// What the check asked about before it used it: it has another way.
    dispensable: Vec<Need>,
}

impl Wants {
    pub(super) fn note(&self, want: Want) {
        let mut all = self.0.lock().expect("nothing panics while it holds this lock");
        // Time passes on the clock, and who writes to the database has access to it.
        let asked_about = match want.need {
            Need::Patience(_) => Need::Clock,
            Need::DatabaseWrites => Need::Sql,
            other => other,
        };
        let dispensable = |need: &Need| *need == want.need || *need == asked_about;
        if !(all.wants.contains(&want) || want.ends && all.dispensable.iter().any(dispensable)) {
            all.wants.push(want);
        }
    }

    pub(super) fn can_do_without(&self, need: Need) {
        let mut all = self.0.lock().expect("nothing panics while it holds this lock");
        if !all.dispensable.contains(&need) {
            all.dispensable.push(need);
        }
    }

    pub(super) fn into_list(self) -> Vec<Want> {
        self.0.into_inner().expect("nothing panics while it holds this lock").wants
    }
}
