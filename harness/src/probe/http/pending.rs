//! A request that is under way while the check does something else.

use super::load::name_of;
use super::{Reply, Spec, exchange};
use crate::check::{CannotLook, Case, Live, Seen, Stop};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// A request under way. Dropping it gives it up.
pub struct Pending {
    asked: Value,
    task: Option<JoinHandle<Result<Value, CannotLook>>>,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Pending {
    pub(super) fn start(live: Option<Arc<Live>>, spec: Spec) -> Pending {
        let asked = spec.asked();
        let task = live.map(|live| tokio::spawn(async move { exchange(&live, &spec).await }));
        Pending { asked, task }
    }

    fn task(&self) -> Result<&JoinHandle<Result<Value, CannotLook>>, CannotLook> {
        self.task.as_ref().ok_or_else(never_started)
    }
}

impl Case {
    /// Whether a request under way has been answered by now.
    ///
    /// # Errors
    /// As [`Case::observe`].
    pub async fn is_answered(&mut self, pending: &Pending) -> Result<Seen, Stop> {
        let asked = json!({"answered yet": pending.asked});
        let look = async |_| Ok(json!({"answered": pending.task()?.is_finished()}));
        let seen = self.observe("http", asked, look).await?;
        Ok(seen.at("/answered"))
    }

    /// Whether a request under way is answered before so much time has really passed.
    ///
    /// # Errors
    /// As [`Case::observe`].
    pub async fn is_answered_within(&mut self, pending: &Pending, time: Duration) -> Result<Seen, Stop> {
        let asked = json!({"answered within, in ms": time.as_millis() as u64, "request": pending.asked});
        let seen = self
            .observe("http", asked, async |_| {
                let (task, deadline) = (pending.task()?, Instant::now() + time);
                while !task.is_finished() && Instant::now() < deadline {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Ok(json!({"answered": task.is_finished()}))
            })
            .await?;
        Ok(seen.at("/answered"))
    }

    /// The answers of requests under way, counted by status (`/200`) or kind of silence; by `200 true` and the like
    /// where a header is named.
    ///
    /// # Errors
    /// As [`Case::observe`].
    pub async fn answers(&mut self, mut pending: Vec<Pending>, header: Option<&str>) -> Result<Seen, Stop> {
        let first = pending.first().map(|pending| pending.asked.clone());
        let mut asked = json!({"answers to": pending.len(), "the first": first});
        if let Some(header) = header {
            asked["header"] = json!(header);
        }
        let tasks: Vec<_> = pending.iter_mut().map(|pending| pending.task.take()).collect();
        let look = async move |_| {
            let mut counts = BTreeMap::<String, u64>::new();
            for task in tasks {
                let task = task.ok_or_else(never_started)?;
                let seen = task.await.unwrap_or_else(|error| Err(CannotLook::new("http", error)))?;
                let mut name = name_of(&seen);
                if let Some(header) = header {
                    name = format!("{name} {}", seen["headers"][header].as_str().unwrap_or("without it"));
                }
                *counts.entry(name).or_default() += 1;
            }
            Ok(json!(counts))
        };
        self.observe("http", asked, look).await
    }

    /// The answer of a request under way.
    ///
    /// # Errors
    /// As [`Case::observe`].
    pub async fn answer(&mut self, mut pending: Pending) -> Result<Reply, Stop> {
        let asked = pending.asked.clone();
        let task = pending.task.take();
        let look = async move |_| match task {
            Some(task) => task.await.unwrap_or_else(|error| Err(CannotLook::new("http", error))),
            None => Err(never_started()),
        };
        Ok(Reply::new(self.observe("http", asked, look).await?))
    }
}

fn never_started() -> CannotLook {
    CannotLook::new("http", "the request was never started")
}
