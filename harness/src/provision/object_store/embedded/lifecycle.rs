//! Lifecycle rules: which objects go by themselves, and when.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use s3s::dto::{
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use serde::{Deserialize, Serialize};

/// A rule of a bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name within the bucket.
    pub id: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// What the keys that it is about begin with; all begin with nothing.
    pub prefix: String,
    /// Days after which the latest version goes.
    pub days: Option<i32>,
    /// Days after which a version goes that was replaced or deleted.
    pub noncurrent_days: Option<i32>,
}

impl Rule {
    /// The rule as it came over the wire; what this store would not obey, it does not accept.
    pub fn accept(rule: &LifecycleRule, number: usize) -> S3Result<Rule> {
        let filter = rule.filter.as_ref();
        let more = filter.is_some_and(|filter| {
            filter.and.is_some()
                || filter.tag.is_some()
                || filter.object_size_greater_than.is_some()
                || filter.object_size_less_than.is_some()
        });
        let expiration = rule.expiration.as_ref();
        let other = expiration.is_some_and(|one| one.date.is_some() || one.expired_object_delete_marker == Some(true));
        let kept = rule.noncurrent_version_expiration.as_ref();
        let other = other || kept.is_some_and(|one| one.newer_noncurrent_versions.is_some());
        if more
            || other
            || rule.transitions.is_some()
            || rule.noncurrent_version_transitions.is_some()
            || rule.abort_incomplete_multipart_upload.is_some()
        {
            return Err(s3_error!(NotImplemented, "rules go by prefix and by days here"));
        }
        let rule = Rule {
            id: rule.id.clone().unwrap_or_else(|| format!("rule-{number}")),
            enabled: match rule.status.as_str() {
                ExpirationStatus::ENABLED => true,
                ExpirationStatus::DISABLED => false,
                _ => return Err(S3Error::new(S3ErrorCode::MalformedXML)),
            },
            prefix: filter.and_then(|filter| filter.prefix.clone()).or(rule.prefix.clone()).unwrap_or_default(),
            days: expiration.and_then(|one| one.days),
            noncurrent_days: kept.and_then(|one| one.noncurrent_days),
        };
        let given: Vec<i32> = rule.days.into_iter().chain(rule.noncurrent_days).collect();
        match given.is_empty() || given.iter().any(|days| *days < 1) {
            true => Err(s3_error!(InvalidArgument, "a rule needs days, and at least one of them")),
            false => Ok(rule),
        }
    }

    /// The rule as it goes over the wire.
    pub fn shown(&self) -> LifecycleRule {
        let status = if self.enabled { ExpirationStatus::ENABLED } else { ExpirationStatus::DISABLED };
        LifecycleRule {
            abort_incomplete_multipart_upload: None,
            expiration: self.days.map(|days| LifecycleExpiration { days: Some(days), ..Default::default() }),
            filter: Some(LifecycleRuleFilter { prefix: Some(self.prefix.clone()), ..Default::default() }),
            id: Some(self.id.clone()),
            noncurrent_version_expiration: self.noncurrent_days.map(|days| NoncurrentVersionExpiration {
                noncurrent_days: Some(days),
                newer_noncurrent_versions: None,
            }),
            noncurrent_version_transitions: None,
            prefix: None,
            status: ExpirationStatus::from_static(status),
            transitions: None,
        }
    }

    /// Whether it is in force for this key.
    pub fn is_about(&self, key: &str) -> bool {
        self.enabled && key.starts_with(&self.prefix)
    }
}

/// When something that is `days` old from a moment on is due: at the midnight after the days are full, as S3 has it.
pub fn due(since: DateTime<Utc>, days: i32) -> DateTime<Utc> {
    let full = since + TimeDelta::days(i64::from(days) + 1);
    full.duration_trunc(TimeDelta::days(1)).unwrap_or(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_due_at_the_midnight_after_its_days_are_full() {
        let stored: DateTime<Utc> = "2025-01-01T15:00:00Z".parse().unwrap();
        assert_eq!(due(stored, 30), "2025-02-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
        assert!(due(stored, 30) > stored + TimeDelta::days(30));
        assert!(due(stored, 30) <= stored + TimeDelta::days(31));
    }

    #[test]
    fn a_rule_reads_back_as_it_was_accepted() {
        let rule =
            Rule { id: "a".into(), enabled: true, prefix: "x/".into(), days: Some(30), noncurrent_days: Some(1) };
        assert_eq!(Rule::accept(&rule.shown(), 1).unwrap(), rule);
    }

    #[test]
    fn rules_without_days_and_rules_it_would_not_obey_are_refused() {
        let rule = Rule { id: "a".into(), enabled: true, prefix: String::new(), days: Some(1), noncurrent_days: None };
        for days in [None, Some(0), Some(-1)] {
            assert!(Rule::accept(&Rule { days, ..rule.clone() }.shown(), 1).is_err(), "{days:?}");
        }
        let mut by_date = rule.shown();
        by_date.expiration =
            Some(LifecycleExpiration { date: Some(std::time::SystemTime::now().into()), ..Default::default() });
        assert_eq!(Rule::accept(&by_date, 1).unwrap_err().code(), &S3ErrorCode::NotImplemented);
    }
}
