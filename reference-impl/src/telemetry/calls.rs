//! Which services and stores this process has called, until somebody writes it down (feature 46).
//!
//! One for the whole process, so that whatever calls need not be handed anything, and nothing that calls is forgotten.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderName;
use tokio::sync::Notify;

/// The header in which a service that calls another says which one it is.
pub const CALLER: HeaderName = HeaderName::from_static("x-service-name");

/// The relational store.
pub const POSTGRES: &str = "postgres";
/// The key-value store.
pub const REDIS: &str = "redis";
/// The object store.
pub const OBJECT_STORE: &str = "minio";

/// Who called whom; nobody named means this service itself.
pub type Call = (Option<&'static str>, &'static str);

static CALLS: LazyLock<Calls> = LazyLock::new(Calls::default);

#[derive(Default)]
struct Calls {
    counts: Mutex<BTreeMap<Call, u64>>,
    more: Notify,
}

/// This service has called another, or a store.
pub fn made(to: &'static str) {
    note((None, to), 1);
}

/// Another service, which named itself, has called this one or a third.
pub fn made_by(from: &'static str, to: &'static str) {
    note((Some(from), to), 1);
}

/// Puts calls back that could not be written down.
pub fn put_back(calls: BTreeMap<Call, u64>) {
    for (call, count) in calls {
        note(call, count);
    }
}

/// All calls since this was last asked.
pub fn take() -> BTreeMap<Call, u64> {
    std::mem::take(&mut *counts())
}

/// Waits until there are some.
pub async fn some() {
    while counts().is_empty() {
        CALLS.more.notified().await;
    }
}

fn note(call: Call, count: u64) {
    *counts().entry(call).or_default() += count;
    CALLS.more.notify_one();
}

fn counts() -> MutexGuard<'static, BTreeMap<Call, u64>> {
    CALLS.counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_are_counted_until_they_are_taken() {
        made(POSTGRES);
        made(POSTGRES);
        made_by("frontend", "api-gateway");
        some().await;
        let taken = take();
        assert_eq!(taken[&(None, POSTGRES)], 2);
        assert_eq!(taken[&(Some("frontend"), "api-gateway")], 1);
        assert!(!take().contains_key(&(None, POSTGRES)));
        put_back(taken);
        assert_eq!(take()[&(None, POSTGRES)], 2);
    }
}
