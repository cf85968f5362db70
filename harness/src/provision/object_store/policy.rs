//! Bucket policies: who may do what to a bucket without a signature.

use s3s::access::{S3Access, S3AccessContext};
use s3s::path::S3Path;
use s3s::{S3Error, S3ErrorCode, S3Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The policies of all buckets. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    by_bucket: Arc<Mutex<HashMap<String, Policy>>>,
}

#[derive(Debug)]
struct Policy {
    text: String,
    document: Document,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    statement: Vec<Statement>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: Effect,
    principal: Value,
    action: OneOrMore,
    resource: OneOrMore,
    condition: Option<Value>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Policies {
    /// Gives the bucket a policy; an error says what is wrong with its text.
    pub fn set(&self, bucket: &str, text: &str) -> Result<(), String> {
        let document = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let policy = Policy { text: text.to_owned(), document };
        self.by_bucket().insert(bucket.to_owned(), policy);
        Ok(())
    }

    /// The bucket's policy as it was given.
    pub fn text(&self, bucket: &str) -> Option<String> {
        self.by_bucket().get(bucket).map(|policy| policy.text.clone())
    }

    /// Takes the bucket's policy away.
    pub fn remove(&self, bucket: &str) {
        self.by_bucket().remove(bucket);
    }

    /// Whether anybody at all may do this; `resource` is `bucket` or `bucket/key`.
    fn allow_anybody(&self, bucket: &str, resource: &str, action: &str) -> bool {
        let policies = self.by_bucket();
        let Some(policy) = policies.get(bucket) else {
            return false;
        };
        let about_this = |effect: Effect| {
            let mut statements = policy.document.statement.iter();
            statements.any(|statement| statement.effect == effect && statement.meets(resource, action))
        };
        about_this(Effect::Allow) && !about_this(Effect::Deny)
    }

    fn by_bucket(&self) -> std::sync::MutexGuard<'_, HashMap<String, Policy>> {
        self.by_bucket.lock().expect("nobody panics while reading a policy")
    }
}

impl Statement {
    /// Whether it is about anonymous requests of this kind. Conditions are not understood: what is allowed under one
    /// stays refused, and what is denied under one is denied.
    fn meets(&self, resource: &str, action: &str) -> bool {
        let unconditional = self.condition.is_none() || self.effect == Effect::Deny;
        unconditional
            && is_anybody(&self.principal)
            && self.action.any(|pattern| matches(pattern, action))
            && self.resource.any(|pattern| {
                let pattern = pattern.strip_prefix("arn:aws:s3:::").unwrap_or(pattern);
                matches(pattern, resource)
            })
    }
}

impl OneOrMore {
    fn any(&self, wanted: impl Fn(&str) -> bool) -> bool {
        match self {
            OneOrMore::One(one) => wanted(one),
            OneOrMore::More(more) => more.iter().any(|one| wanted(one)),
        }
    }
}

/// `"*"`, `{"AWS": "*"}` and `{"AWS": ["*"]}` all mean anybody.
fn is_anybody(principal: &Value) -> bool {
    match principal {
        Value::String(one) => one == "*",
        Value::Array(more) => more.iter().any(is_anybody),
        Value::Object(kinds) => kinds.get("AWS").is_some_and(is_anybody),
        _ => false,
    }
}

/// Whether a pattern, in which `*` stands for anything, is met by the whole text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    text.strip_prefix(head).is_some_and(|after| {
        let mut starts = after.char_indices().map(|(at, _)| at).chain([after.len()]);
        starts.any(|at| matches(rest, &after[at..]))
    })
}

/// The action that a policy must allow for an operation.
fn action_of(operation: &str) -> String {
    match operation {
        "HeadObject" => "s3:GetObject".into(),
        "ListObjects" | "ListObjectsV2" | "HeadBucket" => "s3:ListBucket".into(),
        other => format!("s3:{other}"),
    }
}

#[async_trait::async_trait]
impl S3Access for Policies {
    /// A request with a good signature may do anything: there is one key, and it is the owner's.
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_some() {
            return Ok(());
        }
        let action = action_of(context.s3_op().name());
        let allowed = match context.s3_path() {
            S3Path::Root => false,
            S3Path::Bucket { bucket } => self.allow_anybody(bucket, bucket, &action),
            S3Path::Object { bucket, key } => self.allow_anybody(bucket, &format!("{bucket}/{key}"), &action),
        };
        allowed.then_some(()).ok_or_else(|| S3Error::new(S3ErrorCode::AccessDenied))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC_READ: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::exports/*"]}]}"#;

    #[test]
    fn public_read_allows_reading_this_bucket_and_nothing_else() {
        let policies = Policies::default();
        policies.set("exports", PUBLIC_READ).unwrap();
        assert!(policies.allow_anybody("exports", "exports/a/b", "s3:GetObject"));
        assert!(!policies.allow_anybody("exports", "exports/a", "s3:PutObject"));
        assert!(!policies.allow_anybody("exports", "exports", "s3:ListBucket"));
        assert!(!policies.allow_anybody("uploads", "uploads/a", "s3:GetObject"));
        policies.remove("exports");
        assert!(!policies.allow_anybody("exports", "exports/a", "s3:GetObject"));
    }

    #[test]
    fn a_denial_outweighs_what_is_allowed() {
        let policies = Policies::default();
        let text = r#"{"Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"},
            {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/secret*"}]}"#;
        policies.set("b", text).unwrap();
        assert!(policies.allow_anybody("b", "b/open", "s3:GetObject"));
        assert!(!policies.allow_anybody("b", "b/secret/1", "s3:GetObject"));
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        assert!(Policies::default().set("b", "{}").is_err());
    }

    #[test]
    fn a_star_stands_for_anything_and_for_nothing() {
        assert!(matches("a*c", "abbc") && matches("a*c", "ac") && matches("*", ""));
        assert!(!matches("a*c", "acd") && !matches("ab", "abc"));
    }
}
