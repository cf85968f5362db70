//! What the owner of a system asks of its guests: what is not to be touched, how fast to ask, and under which names.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// The rules of one system; a system without any has the default.
#[derive(Debug, Clone, Default)]
pub struct HouseRules {
    /// What must not be touched.
    pub forbidden: Vec<Forbidden>,
    /// Headers that have another name here: the contract's name and the target's, both in small letters.
    pub headers: BTreeMap<String, String>,
    /// What else a registration must say, beside what the contract has.
    pub registration: Map<String, Value>,
    /// How fast requests may follow each other.
    pub pace: Option<Arc<Pace>>,
}

/// Something that must not be touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forbidden {
    /// Services are neither stopped nor started.
    Control,
    /// The database is only read.
    DatabaseWrites,
    /// Nothing is asked for at this path, or below it.
    Path(String),
}

impl Forbidden {
    /// What an entry of the list in a target file means; nothing where it means nothing.
    pub fn named(entry: &str) -> Option<Forbidden> {
        match entry {
            "control" => Some(Forbidden::Control),
            "database writes" => Some(Forbidden::DatabaseWrites),
            path if path.starts_with('/') && path.len() > 1 && !path.contains(['?', '#']) => {
                Some(Forbidden::Path(path.trim_end_matches('/').to_owned()))
            }
            _ => None,
        }
    }

    /// Whether a request for this path, with or without a query, would touch it.
    pub fn covers(&self, path: &str) -> bool {
        let Forbidden::Path(forbidden) = self else {
            return false;
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        path.strip_prefix(forbidden.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl std::fmt::Display for Forbidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Forbidden::Control => f.write_str("no leave to stop and start services"),
            Forbidden::DatabaseWrites => f.write_str("no leave to write to the database"),
            Forbidden::Path(path) => write!(f, "no leave to ask for {path}"),
        }
    }
}

impl HouseRules {
    /// The target's name of a header that the contract calls so.
    pub fn theirs<'a>(&'a self, contract: &'a str) -> &'a str {
        self.headers.get(contract).map_or(contract, String::as_str)
    }

    /// The contract's name of a header that the target calls so.
    pub fn ours<'a>(&'a self, target: &'a str) -> &'a str {
        self.headers.iter().find(|(_, theirs)| *theirs == target).map_or(target, |(ours, _)| ours)
    }
}

/// Hands out the moments at which requests may be sent, evenly over time.
#[derive(Debug)]
pub struct Pace {
    between: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// The slowest that is of use: the checks of rate limits send a hundred requests and more within a minute.
    pub const SLOWEST: u32 = 5;

    /// So many requests a second.
    pub fn per_second(requests: u32) -> Arc<Pace> {
        let between = Duration::from_secs(1) / requests.max(1);
        Arc::new(Pace { between, next: Mutex::new(Instant::now()) })
    }

    /// The time from one request to the next.
    pub fn between(&self) -> Duration {
        self.between
    }

    /// Waits for the next moment.
    pub async fn turn(&self) {
        let mut next = self.next.lock().await;
        sleep_until(*next).await;
        *next = Instant::now() + self.between;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_path_covers_what_is_below_it_and_nothing_beside_it() {
        let forbidden = Forbidden::named("/test/memory/").unwrap();
        let covered = ["/test/memory", "/test/memory?x=1", "/test/memory/allocate?size_mb=1", "/test/memoryX", "/test"];
        assert_eq!(covered.map(|path| forbidden.covers(path)), [true, true, true, false, false]);
    }

    #[test]
    fn entries_that_mean_nothing_are_told_apart() {
        let found =
            ["control", "database writes", "/a", "/", "", "writes", "/a?b"].map(|it| Forbidden::named(it).is_some());
        assert_eq!(found, [true, true, true, false, false, false, false]);
    }

    #[tokio::test]
    async fn requests_keep_to_the_pace() {
        let (pace, began) = (Pace::per_second(100), Instant::now());
        for _ in 0..6 {
            pace.turn().await;
        }
        assert!(began.elapsed() >= Duration::from_millis(50), "{:?}", began.elapsed());
    }
}
