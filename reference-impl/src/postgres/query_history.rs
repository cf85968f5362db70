//! How often each statement ran and how long it took, so that a change over time can be seen.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::middleware::request_metrics::milliseconds;

/// Statements that are remembered; for a new one the one not seen for longest goes.
const MOST_STATEMENTS: usize = 500;

/// Statements by their normalised text.
#[derive(Default)]
pub struct QueryHistory(Mutex<Book>);

#[derive(Default)]
struct Book {
    entries: HashMap<String, Entry>,
    /// Counts up with each statement, and so tells which was seen last.
    clock: u64,
}

#[derive(Default)]
struct Entry {
    count: u64,
    slow_count: u64,
    total: Duration,
    max: Duration,
    last_seen: u64,
}

/// One statement of the history.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueryStats {
    /// The statement, with values replaced.
    pub query: String,
    /// How often it ran.
    pub count: u64,
    /// In all.
    pub total_ms: f64,
    /// At most.
    pub max_ms: f64,
    /// On average.
    pub mean_ms: f64,
    /// How often it was slow.
    pub slow_count: u64,
}

impl QueryHistory {
    /// Takes a statement in.
    pub fn record(&self, statement: &str, took: Duration, slow: bool) {
        let query = normalise(statement);
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.clock += 1;
        let now = book.clock;
        if book.entries.len() >= MOST_STATEMENTS && !book.entries.contains_key(&query) {
            book.forget_oldest();
        }
        let entry = book.entries.entry(query).or_default();
        entry.count += 1;
        entry.slow_count += u64::from(slow);
        entry.total += took;
        entry.max = entry.max.max(took);
        entry.last_seen = now;
    }

    /// All of it, the most expensive statement first.
    pub fn snapshot(&self) -> Vec<QueryStats> {
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stats: Vec<QueryStats> = book
            .entries
            .iter()
            .map(|(query, entry)| QueryStats {
                query: query.clone(),
                count: entry.count,
                total_ms: milliseconds(entry.total),
                max_ms: milliseconds(entry.max),
                mean_ms: milliseconds(entry.total.div_f64(entry.count as f64)),
                slow_count: entry.slow_count,
            })
            .collect();
        stats.sort_by(|a, b| b.total_ms.total_cmp(&a.total_ms));
        stats
    }
}

impl Book {
    fn forget_oldest(&mut self) {
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last_seen).map(|(query, _)| query.clone());
        if let Some(query) = oldest {
            self.entries.remove(&query);
        }
    }
}

/// Blanks become one, and values become `?`, so that a statement is the same whatever it was asked with.
fn normalise(statement: &str) -> String {
    let mut out = String::with_capacity(statement.len());
    let mut rest = statement.trim().chars().peekable();
    while let Some(c) = rest.next() {
        let within_name =
            out.chars().next_back().is_some_and(|last| last.is_alphanumeric() || last == '_' || last == '$');
        match c {
            c if c.is_whitespace() => {
                while rest.next_if(|next| next.is_whitespace()).is_some() {}
                out.push(' ');
            }
            '\'' => {
                skip_literal(&mut rest);
                out.push('?');
            }
            c if c.is_ascii_digit() && !within_name => {
                while rest.next_if(|next| next.is_ascii_digit() || *next == '.').is_some() {}
                out.push('?');
            }
            c => out.push(c),
        }
    }
    out
}

fn skip_literal(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = rest.next() {
        // A doubled quote stands for one and does not end the literal.
        if c == '\'' && rest.next_if_eq(&'\'').is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_blanks_do_not_tell_statements_apart() {
        assert_eq!(
            normalise("select  *\n from t1 where a = 'it''s' and b = 17.5 and c = $12"),
            "select * from t1 where a = ? and b = ? and c = $12"
        );
        assert_eq!(normalise("select 'open"), "select ?");
    }

    #[test]
    fn history_adds_up_and_stays_bounded() {
        let history = QueryHistory::default();
        history.record("select 1", Duration::from_millis(10), false);
        history.record("select 2", Duration::from_millis(200), true);
        let stats = &history.snapshot()[0];
        assert_eq!((stats.count, stats.slow_count), (2, 1));
        assert_eq!((stats.total_ms, stats.max_ms, stats.mean_ms), (210.0, 200.0, 105.0));
        for number in 0..600 {
            history.record(&format!("select c{number}"), Duration::ZERO, false);
        }
        let kept = history.snapshot();
        assert_eq!(kept.len(), MOST_STATEMENTS);
        assert!(kept.iter().any(|stats| stats.query == "select c599"));
    }
}
