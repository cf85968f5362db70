//! Earlier runs in a line each.

use super::compare::passing;
use super::share::Share;
use crate::record::Record;
use crate::report::summary::duration;
use crate::report::{Tally, plain};
use serde::Serialize;

/// So many runs are told, the latest first.
const TOLD: usize = 10;

/// An earlier run.
#[derive(Debug, Serialize)]
pub(super) struct Earlier {
    pub(super) started: String,
    pub(super) target: String,
    /// `40 of 679 (5.89%)`.
    pub(super) pass: String,
    /// `40 pass, 2 fail, 637 unchecked`.
    pub(super) found: String,
    /// `36.8 s`, or that it was broken off.
    pub(super) took: String,
    /// Whether this report compares with it.
    pub(super) compared: bool,
}

/// The summaries of earlier records; the one compared with is among them even if it is older than the rest.
pub(super) fn history(earlier: &[Record], since: Option<&Record>) -> Vec<Earlier> {
    let is_since = |record: &Record| since.is_some_and(|since| since.dir == record.dir);
    let mut told: Vec<&Record> = earlier.iter().take(TOLD).collect();
    if let Some(since) = since
        && !told.iter().any(|record| is_since(record))
    {
        told.truncate(TOLD - 1);
        told.push(since);
    }
    told.into_iter().map(|record| summary(record, is_since(record))).collect()
}

fn summary(record: &Record, compared: bool) -> Earlier {
    let took = record.footer.as_ref().map(|footer| duration(footer.duration_ms));
    Earlier {
        started: plain::line(&record.header.started),
        target: plain::line(&record.header.target),
        pass: Share::words(passing(record)),
        found: Tally::of(&record.outcomes).words(),
        took: took.unwrap_or_else(|| "broken off".to_owned()),
        compared,
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden;
    use super::*;

    #[test]
    fn the_run_compared_with_is_told_however_old_it_is() {
        let [before, after] = golden::records();
        let many = vec![after; 12];
        let told = history(&many, Some(&before));
        assert_eq!(told.len(), TOLD);
        let compared: Vec<bool> = told.iter().map(|earlier| earlier.compared).collect();
        assert_eq!(compared.iter().position(|compared| *compared), Some(TOLD - 1));
        assert_eq!(told[TOLD - 1].pass, "40 of 679 (5.89%)");
        assert!(history(&[], None).is_empty());
    }
}
