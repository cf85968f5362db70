//! What is otherwise in one record than in another: improved, regressed, new, gone, and whose doing it can be.

use super::{plain, reason};
use crate::outcome::{Outcome, Verdict};
use crate::record::Record;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// The difference between two records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What of the suite is otherwise: tool, catalogue, revisions of checks. Empty where nothing is.
    pub suite: Vec<String>,
    /// What of the target is otherwise: its name, how it was brought up, what is known of its surroundings.
    pub target: Vec<String>,
    /// What keeps the records from being compared.
    pub caveats: Vec<String>,
    /// Features that stand better.
    pub improved: Vec<Change>,
    /// Features that stand worse.
    pub regressed: Vec<Change>,
    /// Features of which neither is known, for another reason than before.
    pub otherwise: Vec<Change>,
    /// Features that only the later record has.
    pub new: Vec<Change>,
    /// Features that only the earlier record has.
    pub gone: Vec<Change>,
    /// How many stand as before.
    pub same: usize,
}

/// A feature that stands otherwise than before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The number of the feature.
    pub feature: u16,
    /// The feature in the catalogue's words.
    pub description: String,
    /// The verdict before; none for a new one.
    pub before: Option<Verdict>,
    /// The verdict now; none for one that is gone.
    pub now: Option<Verdict>,
    /// Why it has the verdict it has now.
    pub why: Option<String>,
    /// The revisions of its check before and now, where they differ.
    pub revisions: Option<(u32, u32)>,
}

impl Difference {
    /// What a record says otherwise than an earlier one.
    pub fn between(before: &Record, now: &Record) -> Difference {
        let mut difference = Difference {
            suite: suite(before, now),
            target: target(before, now),
            caveats: [(before, "earlier"), (now, "later")].into_iter().filter_map(unwhole).collect(),
            improved: Vec::new(),
            regressed: Vec::new(),
            otherwise: Vec::new(),
            new: Vec::new(),
            gone: Vec::new(),
            same: 0,
        };
        let outcomes = before.outcomes.iter().chain(&now.outcomes);
        let features: BTreeSet<u16> = outcomes.map(|outcome| outcome.feature).collect();
        for feature in features {
            difference.place(before.outcome(feature), now.outcome(feature));
        }
        difference
    }

    fn place(&mut self, before: Option<&Outcome>, now: Option<&Outcome>) {
        let Some(change) = change(before, now) else {
            return;
        };
        let list = match (change.before, change.now) {
            (Some(before), Some(now)) if before == now => {
                self.same += 1;
                return;
            }
            (Some(before), Some(now)) => match rank(now).cmp(&rank(before)) {
                std::cmp::Ordering::Greater => &mut self.improved,
                std::cmp::Ordering::Less => &mut self.regressed,
                std::cmp::Ordering::Equal => &mut self.otherwise,
            },
            (None, _) => &mut self.new,
            (_, None) => &mut self.gone,
        };
        list.push(change);
    }

    /// Whether a feature was seen to stand worse than before.
    pub fn target_regressed(&self) -> bool {
        self.regressed.iter().any(|change| change.now != Some(Verdict::Error))
    }

    /// Whether something that was known before could not be looked at now, or the later record is not whole.
    pub fn lost_sight(&self) -> bool {
        self.regressed.iter().any(|change| change.now == Some(Verdict::Error))
            || self.caveats.iter().any(|caveat| caveat.starts_with("the later"))
    }
}

/// A pass is most, a failure least; what is not known stands between, whatever the reason.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 3,
        Verdict::Partial => 2,
        Verdict::Skip | Verdict::Error | Verdict::Unchecked => 1,
        Verdict::Fail => 0,
    }
}

fn change(before: Option<&Outcome>, now: Option<&Outcome>) -> Option<Change> {
    let known = now.or(before)?;
    let revisions = before.zip(now).map(|(before, now)| (before.revision, now.revision));
    Some(Change {
        feature: known.feature,
        description: plain::line(&known.description),
        before: before.map(|outcome| outcome.verdict),
        now: now.map(|outcome| outcome.verdict),
        why: now.and_then(reason::because),
        revisions: revisions.filter(|(before, now)| before != now),
    })
}

fn suite(before: &Record, now: &Record) -> Vec<String> {
    let (then, today) = (&before.header, &now.header);
    let mut changes = Vec::new();
    if then.tool != today.tool {
        changes.push(turned("tool", &then.tool, &today.tool));
    }
    if then.catalogue != today.catalogue {
        changes.push(turned("catalogue", &then.catalogue.hash, &today.catalogue.hash));
    }
    let revised = now.outcomes.iter().filter(|outcome| {
        let earlier = before.outcome(outcome.feature);
        earlier.is_some_and(|earlier| earlier.revision != outcome.revision)
    });
    let revised: Vec<u16> = revised.map(|outcome| outcome.feature).collect();
    if !revised.is_empty() {
        changes.push(format!("checks of another revision: {}", super::markdown::ranges(&revised)));
    }
    changes
}

fn target(before: &Record, now: &Record) -> Vec<String> {
    let (then, today) = (&before.header, &now.header);
    let mut changes = Vec::new();
    for (name, then, today) in [("target", &then.target, &today.target), ("backend", &then.backend, &today.backend)] {
        if then != today {
            changes.push(turned(name, then, today));
        }
    }
    let names: BTreeSet<&String> = then.facts.keys().chain(today.facts.keys()).collect();
    for name in names {
        let [then, today] = [then, today].map(|header| header.facts.get(name).map_or("unknown", String::as_str));
        if then != today {
            changes.push(turned(name, then, today));
        }
    }
    changes
}

fn turned(name: &str, before: &str, now: &str) -> String {
    plain::line(&format!("{name}: {before} → {now}"))
}

fn unwhole((record, which): (&Record, &str)) -> Option<String> {
    match (&record.damage, &record.footer) {
        (Some(damage), _) => Some(format!("the {which} record is damaged: {}", plain::line(damage))),
        (None, None) => Some(format!("the {which} run was broken off before its end")),
        (None, Some(_)) => None,
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |verdict: Option<Verdict>| verdict.map_or("–", Verdict::word);
        write!(f, "{:>4}  {} → {}  {}", self.feature, word(self.before), word(self.now), self.description)?;
        if let Some((before, now)) = self.revisions {
            write!(f, " (revision {before} → {now} of its check)")?;
        }
        if let Some(why) = &self.why {
            write!(f, "\n      {why}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for caveat in &self.caveats {
            writeln!(f, "caution: {caveat}")?;
        }
        for (name, changes) in [("suite", &self.suite), ("target", &self.target)] {
            if changes.is_empty() {
                writeln!(f, "{name}: as before")?;
            }
            for change in changes {
                writeln!(f, "{name}: {change}")?;
            }
        }
        let lists = [
            ("regressed", &self.regressed),
            ("improved", &self.improved),
            ("otherwise", &self.otherwise),
            ("new", &self.new),
            ("gone", &self.gone),
        ];
        for (name, changes) in lists.iter().filter(|(_, changes)| !changes.is_empty()) {
            writeln!(f, "\n{name}:")?;
            for change in *changes {
                writeln!(f, "{change}")?;
            }
        }
        let counts: Vec<String> = lists.iter().map(|(name, changes)| format!("{} {name}", changes.len())).collect();
        write!(f, "\n{}, {} as before", counts.join(", "), self.same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;

    fn numbers(changes: &[Change]) -> Vec<u16> {
        changes.iter().map(|change| change.feature).collect()
    }

    fn set(record: &mut Record, feature: u16, verdict: Verdict) {
        record.outcomes.iter_mut().find(|outcome| outcome.feature == feature).unwrap().verdict = verdict;
    }

    #[test]
    fn a_record_is_not_otherwise_than_itself() {
        let (_place, record) = fixture::finished();
        let difference = Difference::between(&record, &record);
        assert_eq!((difference.same, difference.target_regressed(), difference.lost_sight()), (8, false, false));
        assert_eq!(
            difference.to_string(),
            "suite: as before\ntarget: as before\n\n0 regressed, 0 improved, 0 otherwise, 0 new, 0 gone, 8 as before"
        );
    }

    #[test]
    fn better_and_worse_are_told_apart() {
        let (_place, before) = fixture::finished();
        let mut now = before.clone();
        set(&mut now, 41, Verdict::Partial);
        set(&mut now, 42, Verdict::Pass);
        set(&mut now, 43, Verdict::Pass);
        set(&mut now, 45, Verdict::Error);
        set(&mut now, 46, Verdict::Fail);
        now.outcomes.pop();
        let forth = Difference::between(&before, &now);
        assert_eq!((numbers(&forth.improved), numbers(&forth.regressed)), (vec![42, 43], vec![41, 46]));
        assert_eq!(
            (numbers(&forth.otherwise), numbers(&forth.gone), numbers(&forth.new)),
            (vec![45], vec![679], vec![])
        );
        assert!(forth.target_regressed());
        let back = Difference::between(&now, &before);
        assert_eq!((numbers(&back.improved), numbers(&back.regressed)), (vec![41, 46], vec![42, 43]));
        assert_eq!(numbers(&back.new), [679]);
    }

    #[test]
    fn what_could_not_be_looked_at_is_no_regression_of_the_target() {
        let (_place, before) = fixture::finished();
        let mut now = before.clone();
        set(&mut now, 41, Verdict::Error);
        let difference = Difference::between(&before, &now);
        assert_eq!((difference.target_regressed(), difference.lost_sight()), (false, true));
        now = before.clone();
        now.footer = None;
        assert!(Difference::between(&before, &now).lost_sight());
        assert!(!Difference::between(&now, &before).lost_sight());
    }

    #[test]
    fn suite_and_target_are_told_apart() {
        let (_place, before) = fixture::finished();
        let mut now = before.clone();
        now.header.tool = "conform 9".into();
        now.header.catalogue.hash = "another".into();
        now.outcomes[0].revision = 2;
        let suite = Difference::between(&before, &now);
        assert_eq!((suite.suite.len(), suite.target.len()), (3, 0));
        assert_eq!(suite.suite[2], "checks of another revision: 41");
        let mut now = before.clone();
        now.header.target = "other\u{1b}".into();
        now.header.facts.remove("Redis");
        let target = Difference::between(&before, &now);
        assert_eq!(target.suite, Vec::<String>::new());
        assert_eq!(target.target, ["target: reference → other␛", "Redis: 7.4.1 <b> → unknown"]);
    }
}
