//! Joins the records of several parts of one run, as shards leave them, into one.

use super::{Deadlines, Footer, Header, Record, RecordError, RecordWriter, ServiceState};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why records cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// They are not of one run.
    #[error("{} and {} are not parts of one run: they differ in {what}", first.display(), other.display())]
    Different {
        /// The first record.
        first: PathBuf,
        /// The one that does not fit.
        other: PathBuf,
        /// What differs, and how.
        what: String,
    },
    /// A feature has an outcome in two of them.
    #[error("feature {feature} has an outcome in {} and in {}; leave one of them out", first.display(), other.display())]
    Twice {
        /// The feature.
        feature: u16,
        /// A record with an outcome of it.
        first: PathBuf,
        /// Another one.
        other: PathBuf,
    },
    /// A record could not be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Writes a record with the outcomes and the evidence of all parts. If one of them is unfinished, so is the whole.
///
/// # Errors
/// Where the parts are not of one run, or a file refuses.
pub fn merge(parts: &[Record], dir: &Path) -> Result<(), MergeError> {
    let Some(first) = parts.first() else {
        return Err(RecordError::Missing { dir: dir.into() }.into());
    };
    let owners = owners(parts)?;
    for other in parts {
        if let Some(what) = difference(&first.header, &other.header) {
            return Err(MergeError::Different { first: first.dir.clone(), other: other.dir.clone(), what });
        }
    }
    let writer = RecordWriter::create(dir, &header(parts, first))?;
    for (&feature, part) in &owners {
        if let Some(outcome) = part.outcome(feature) {
            writer.outcome(outcome, part.evidence(feature)?.as_ref())?;
        }
    }
    if parts.iter().all(Record::finished) {
        let footers: Vec<&Footer> = parts.iter().filter_map(|part| part.footer.as_ref()).collect();
        writer.finish(&Footer {
            ended: footers.iter().map(|footer| footer.ended.clone()).max().unwrap_or_default(),
            duration_ms: footers.iter().map(|footer| footer.duration_ms).fold(0.0, f64::max),
            totals: writer.totals(),
            environment: environment(&footers),
            deadlines: slowest(&footers),
        })?;
    }
    Ok(())
}

/// The part that each feature has its outcome in.
fn owners(parts: &[Record]) -> Result<BTreeMap<u16, &Record>, MergeError> {
    let mut owners: BTreeMap<u16, &Record> = BTreeMap::new();
    for part in parts {
        for outcome in &part.outcomes {
            if let Some(first) = owners.insert(outcome.feature, part) {
                let (first, other) = (first.dir.clone(), part.dir.clone());
                return Err(MergeError::Twice { feature: outcome.feature, first, other });
            }
        }
    }
    Ok(owners)
}

fn difference(first: &Header, other: &Header) -> Option<String> {
    if first.catalogue != other.catalogue {
        return Some("the catalogue".to_owned());
    }
    let pairs = [
        ("the tool", &first.tool, &other.tool),
        ("the target", &first.target, &other.target),
        ("the backend", &first.backend, &other.backend),
    ];
    let differing = pairs.into_iter().find(|(_, first, other)| first != other);
    differing.map(|(what, first, other)| format!("{what}, {first} and {other}"))
}

fn header(parts: &[Record], first: &Record) -> Header {
    let mut selection: Vec<u16> = parts.iter().flat_map(|part| part.header.selection.iter().copied()).collect();
    selection.sort_unstable();
    selection.dedup();
    let started = parts.iter().map(|part| part.header.started.clone()).min().unwrap_or_default();
    let facts = parts.iter().flat_map(|part| part.header.facts.clone()).collect();
    Header { selection, started, facts, ..first.header.clone() }
}

/// A service is healthy if it was in every part that asked.
fn environment(footers: &[&Footer]) -> Option<Vec<ServiceState>> {
    let mut all: Vec<ServiceState> = Vec::new();
    for state in footers.iter().filter_map(|footer| footer.environment.as_ref()).flatten() {
        match all.iter_mut().find(|known| known.service == state.service) {
            None => all.push(state.clone()),
            Some(known) if known.healthy => *known = state.clone(),
            Some(_) => {}
        }
    }
    (!all.is_empty()).then_some(all)
}

/// The target as the part saw it to which it answered slowest.
fn slowest(footers: &[&Footer]) -> Option<Deadlines> {
    let measured = footers.iter().filter_map(|footer| footer.deadlines);
    measured.max_by(|one, other| one.answer_ms.total_cmp(&other.answer_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::fixture;

    /// Two records, each with some of the fixture's outcomes.
    fn parts(place: &Path, split: usize) -> Vec<Record> {
        let outcomes = fixture::outcomes();
        let part = |name: &str, outcomes: &[crate::outcome::Outcome]| {
            let dir = place.join(name);
            let selection = outcomes.iter().map(|outcome| outcome.feature).collect();
            let writer = RecordWriter::create(&dir, &Header { selection, ..fixture::header() }).unwrap();
            for outcome in outcomes {
                let evidence = (outcome.feature == 41).then(fixture::evidence_of_41);
                writer.outcome(outcome, evidence.as_ref()).unwrap();
            }
            writer.finish(&Footer { totals: writer.totals(), ..fixture::footer() }).unwrap();
            Record::read(&dir).unwrap()
        };
        vec![part("a", &outcomes[..split]), part("b", &outcomes[split..])]
    }

    #[test]
    fn parts_make_the_whole_again() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("whole");
        merge(&parts(place.path(), 2), &dir).unwrap();
        let whole = Record::read(&dir).unwrap();
        assert!(whole.finished());
        assert_eq!(whole.outcomes, fixture::outcomes());
        assert_eq!(whole.missing(), Vec::<u16>::new());
        assert_eq!(whole.evidence(41).unwrap(), Some(fixture::evidence_of_41()));
    }

    #[test]
    fn an_unfinished_part_leaves_the_whole_unfinished() {
        let place = tempfile::tempdir().unwrap();
        let mut parts = parts(place.path(), 2);
        parts[1].footer = None;
        let dir = place.path().join("whole");
        merge(&parts, &dir).unwrap();
        assert!(!Record::read(&dir).unwrap().finished());
    }

    #[test]
    fn what_is_not_of_one_run_is_not_joined() {
        let place = tempfile::tempdir().unwrap();
        let mut both = parts(place.path(), 2);
        let told = merge(&[both[0].clone(), both[0].clone()], &place.path().join("x")).unwrap_err().to_string();
        assert!(told.contains("has an outcome in"), "{told}");
        both[1].header.target = "another".to_owned();
        let told = merge(&both, &place.path().join("y")).unwrap_err().to_string();
        assert!(told.contains("the target, ") && told.contains("another"), "{told}");
        assert!(!place.path().join("x").exists() && !place.path().join("y").exists());
    }
}
