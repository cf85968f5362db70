//! Many requests: one after another, some at a time, or all at the same moment.

use super::{Reply, Request, Spec, exchange};
use crate::check::{CannotLook, Live, Seen, Stop};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

impl Request<'_> {
    /// Sends the request `count` times, at most `at_once` at a time. What is kept: `/answers`, a count for each
    /// status (`"200": 100`) or kind of silence, and `/ms`, how long all took.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the service's address is not known.
    pub async fn times(self, count: usize, at_once: usize) -> Result<Seen, Stop> {
        self.may_be_sent()?;
        let spec = Arc::new(Spec { counted: true, ..self.spec });
        let mut asked = spec.asked();
        asked["times"] = json!(count);
        let look = async move |live: Arc<Live>| {
            live.expect_load(count, at_once);
            let began = Instant::now();
            let left = Arc::new(AtomicUsize::new(count));
            let mut workers = tokio::task::JoinSet::<Result<_, CannotLook>>::new();
            for _ in 0..at_once.min(count) {
                let (live, spec, left) = (Arc::clone(&live), spec.clone(), left.clone());
                workers.spawn(async move {
                    let mut answers = BTreeMap::<String, u64>::new();
                    let take = |n: usize| n.checked_sub(1);
                    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                        let seen = exchange(&live, &spec).await?;
                        *answers.entry(name_of(&seen)).or_default() += 1;
                    }
                    Ok(answers)
                });
            }
            let mut answers = Map::new();
            while let Some(counted) = workers.join_next().await {
                for (name, more) in counted.map_err(|e| CannotLook::new("http", e))?? {
                    let so_far = answers.get(&name).and_then(Value::as_u64).unwrap_or(0);
                    answers.insert(name, json!(so_far + more));
                }
            }
            Ok(json!({"answers": answers, "ms": began.elapsed().as_secs_f64() * 1000.0}))
        };
        self.case.observe("http", asked, look).await
    }

    /// Sends the request `count` times at the same moment; the replies come in no particular order of arrival.
    ///
    /// # Errors
    /// [`Stop::Needs`] where the service's address is not known.
    pub async fn twins(self, count: usize) -> Result<Vec<Reply>, Stop> {
        self.may_be_sent()?;
        let spec = Arc::new(self.spec);
        let mut asked = spec.asked();
        asked["at the same moment"] = json!(count);
        let look = async move |live: Arc<_>| {
            let tasks: Vec<_> = (0..count)
                .map(|_| {
                    let (live, spec) = (Arc::clone(&live), spec.clone());
                    tokio::spawn(async move { exchange(&live, &spec).await })
                })
                .collect();
            let mut replies = Vec::new();
            for task in tasks {
                replies.push(task.await.map_err(|e| CannotLook::new("http", e))??);
            }
            Ok(json!({"replies": replies}))
        };
        let seen = self.case.observe("http", asked, look).await?;
        Ok(seen.at("/replies").items().into_iter().map(Reply::new).collect())
    }
}

/// The status, or the kind of silence; a body that had no end is no whole answer.
pub(super) fn name_of(seen: &Value) -> String {
    let whole = seen["cut"].is_null();
    match seen["status"].as_u64() {
        Some(status) if whole => status.to_string(),
        Some(status) => format!("{status}, not whole"),
        None => seen["silence"].as_str().unwrap_or("nothing").to_owned(),
    }
}
