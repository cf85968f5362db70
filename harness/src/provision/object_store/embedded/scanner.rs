//! Comes round now and then, and whenever the clock is moved, and removes what lifecycle rules say is due.

use super::lifecycle::{Rule, due};
use super::records::Version;
use super::store::Store;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// How often it comes round while nobody moves the clock.
const EVERY: Duration = Duration::from_secs(3);

/// Goes on until it is dropped.
pub async fn run(store: Store) {
    let mut advances = store.clock.advances();
    loop {
        scan(&store);
        tokio::select! {
            _ = advances.changed() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// One round through all buckets. What cannot be removed now is tried again in the next.
fn scan(store: &Store) {
    let now = store.clock.now();
    for bucket in store.shelf.all_buckets().into_iter().filter(|bucket| !bucket.lifecycle.is_empty()) {
        let Ok(objects) = store.shelf.versions(&bucket.name) else {
            continue;
        };
        for (key, versions) in &objects {
            for version in due_versions(&bucket.lifecycle, key, versions, now) {
                let _ = store.shelf.delete(&bucket.name, key, version, now);
            }
        }
    }
}

/// What is to be deleted of one key: versions by id, and the object itself where none is named.
fn due_versions<'a>(rules: &[Rule], key: &str, versions: &'a [Version], now: DateTime<Utc>) -> Vec<Option<&'a str>> {
    let ours: Vec<&Rule> = rules.iter().filter(|rule| rule.is_about(key)).collect();
    let after = |since, days: Option<i32>| days.is_some_and(|days| due(since, days) <= now);
    let mut all = Vec::new();
    for (old, newer) in versions.iter().zip(versions.iter().skip(1)) {
        if ours.iter().any(|rule| after(newer.modified, rule.noncurrent_days)) {
            all.push(Some(old.id.as_str()));
        }
    }
    if let Some(latest) = versions.last()
        && latest.content.is_some()
        && ours.iter().any(|rule| after(latest.modified, rule.days))
    {
        all.push(None);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::records::{Content, Described};
    use super::*;
    use chrono::TimeDelta;

    fn version(id: &str, modified: &str, is_object: bool) -> Version {
        let content = Content { file: "f".into(), size: 1, e_tag: "e".into(), described: Described::default() };
        Version {
            bucket: "b".into(),
            key: "deleted/k".into(),
            id: id.into(),
            order: 1,
            modified: modified.parse().unwrap(),
            content: is_object.then_some(content),
        }
    }

    fn rule(days: Option<i32>, noncurrent_days: Option<i32>) -> Rule {
        Rule { id: "r".into(), enabled: true, prefix: "deleted/".into(), days, noncurrent_days }
    }

    #[test]
    fn only_what_is_due_and_under_the_prefix_goes() {
        let stored = version("null", "2025-01-01T12:00:00Z", true);
        let at = |days| stored.modified + TimeDelta::days(days);
        let versions = [stored.clone()];
        let rules = [rule(Some(30), None)];
        assert_eq!(due_versions(&rules, "deleted/k", &versions, at(31)), [None]);
        assert_eq!(due_versions(&rules, "deleted/k", &versions, at(30)), []);
        assert_eq!(due_versions(&rules, "kept/k", &versions, at(31)), []);
        assert_eq!(due_versions(&[Rule { enabled: false, ..rules[0].clone() }], "deleted/k", &versions, at(31)), []);
    }

    #[test]
    fn old_versions_go_by_the_time_since_they_were_replaced_and_marks_stay() {
        let versions = [
            version("1", "2025-01-01T12:00:00Z", true),
            version("2", "2025-03-01T12:00:00Z", true),
            version("3", "2025-03-10T12:00:00Z", false),
        ];
        let rules = [rule(Some(1), Some(30))];
        let now = "2025-04-01T12:00:00Z".parse().unwrap();
        assert_eq!(due_versions(&rules, "deleted/k", &versions, now), [Some("1")]);
    }
}
