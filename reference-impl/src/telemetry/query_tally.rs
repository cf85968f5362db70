//! What the database did for one request: how many statements, how long, and which took longest (feature 40).
//!
//! The tally belongs to the task that handles the request, so no statement needs to be told whose it is.

use std::cell::RefCell;
use std::time::Duration;

/// Characters of a statement that are shown.
const SHOWN: usize = 500;

/// The statements of one request.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct QueryTally {
    /// How many.
    pub count: u64,
    /// How long they took together.
    pub total: Duration,
    /// The one that took longest, cut, and how long that was.
    pub slowest: Option<(String, Duration)>,
}

tokio::task_local! {
    static CURRENT: RefCell<QueryTally>;
}

/// Runs `work` with a tally of its own, and brings that along with the outcome.
pub async fn over<F: Future>(work: F) -> (F::Output, QueryTally) {
    let counted = async {
        let output = work.await;
        (output, CURRENT.with(RefCell::take))
    };
    CURRENT.scope(RefCell::default(), counted).await
}

/// Counts a statement to the request that is being handled here, if any.
pub fn note(statement: &str, took: Duration) {
    let _ = CURRENT.try_with(|tally| tally.borrow_mut().add(statement, took));
}

impl QueryTally {
    fn add(&mut self, statement: &str, took: Duration) {
        self.count += 1;
        self.total += took;
        if self.slowest.as_ref().is_none_or(|(_, longest)| took > *longest) {
            self.slowest = Some((statement.chars().take(SHOWN).collect(), took));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_request_has_a_tally_of_its_own() {
        let request = |statements: &'static [(&str, u64)]| {
            over(async move {
                for (text, ms) in statements {
                    note(text, Duration::from_millis(*ms));
                    tokio::task::yield_now().await;
                }
            })
        };
        let (one, other) = tokio::join!(request(&[("a", 5), ("b", 20), ("c", 10)]), request(&[]));
        let slowest = Some(("b".to_owned(), Duration::from_millis(20)));
        assert_eq!(one.1, QueryTally { count: 3, total: Duration::from_millis(35), slowest });
        assert_eq!(other.1, QueryTally::default());
        note("outside of requests", Duration::ZERO);
    }
}
