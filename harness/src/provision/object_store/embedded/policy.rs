//! Policies: who may do what to which bucket or object. One text format serves buckets and users alike.

use serde::Deserialize;
use serde_json::Value;

/// What each resource in a policy begins with.
const ARN: &str = "arn:aws:s3:::";

/// A policy that was understood. What is not understood is refused when it is set, never passed over.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Document {
    #[serde(default, rename = "Version")]
    _version: Option<String>,
    #[serde(default, rename = "Id")]
    _id: Option<String>,
    statement: OneOrMore<Statement>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(default, rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    #[serde(default)]
    principal: Value,
    action: OneOrMore<String>,
    resource: OneOrMore<String>,
    #[serde(default)]
    condition: Value,
}

/// What a statement does about what it names.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
pub enum Effect {
    /// It may be done.
    Allow,
    /// It may not, whatever else allows it.
    Deny,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

/// Why a policy is refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// It is no policy at all.
    #[error("the policy is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It speaks of something that is none of its business.
    #[error("the policy has a statement that does not belong here: {0}")]
    Misplaced(String),
    /// It says something that this store does not understand.
    #[error("conditions are not understood here, state the policy without them")]
    Conditional,
}

impl Document {
    /// The policy of a bucket: each statement names whom it is about, and speaks of this bucket alone.
    pub fn of_bucket(text: &str, bucket: &str) -> Result<Document, PolicyError> {
        let document = Document::parse(text)?;
        for statement in document.statements() {
            if statement.principal.is_null() {
                return Err(PolicyError::Misplaced("it has no Principal".into()));
            }
            for resource in statement.resource.iter() {
                let path = resource.strip_prefix(ARN).unwrap_or_default();
                if path.split('/').next() != Some(bucket) && !path.starts_with(&format!("{bucket}*")) {
                    return Err(PolicyError::Misplaced(format!("{resource} is not of this bucket")));
                }
            }
        }
        Ok(document)
    }

    /// The policy of a user: it says what the user may do, so it names nobody.
    pub fn of_user(text: &str) -> Result<Document, PolicyError> {
        let document = Document::parse(text)?;
        if document.statements().any(|statement| !statement.principal.is_null()) {
            return Err(PolicyError::Misplaced("the policy of a user has no Principal".into()));
        }
        Ok(document)
    }

    fn parse(text: &str) -> Result<Document, PolicyError> {
        let document: Document = serde_json::from_str(text)?;
        if document.statements().any(|statement| !statement.condition.is_null()) {
            return Err(PolicyError::Conditional);
        }
        let foreign = {
            let mut actions = document.statements().flat_map(|statement| statement.action.iter());
            actions.find(|action| *action != "*" && !action.starts_with("s3:")).map(|action| (*action).to_owned())
        };
        match foreign.map(|action| format!("{action} is no action of an object store")) {
            Some(problem) => Err(PolicyError::Misplaced(problem)),
            None => Ok(document),
        }
    }

    fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.statement.iter()
    }

    /// What the policy says about somebody (`None` for anonymous) who wants to do this to `bucket` or `bucket/key`.
    pub fn about(&self, who: Option<&str>, action: &str, resource: &str) -> Option<Effect> {
        let resource = format!("{ARN}{resource}");
        let mut said = None;
        for statement in self.statements() {
            let meant = statement.principal.is_null() || names(&statement.principal, who);
            if meant
                && statement.action.iter().any(|pattern| matches(pattern, action))
                && statement.resource.iter().any(|pattern| matches(pattern, &resource))
            {
                if statement.effect == Effect::Deny {
                    return Some(Effect::Deny);
                }
                said = Some(Effect::Allow);
            }
        }
        said
    }
}

impl<T> OneOrMore<T> {
    fn iter(&self) -> impl Iterator<Item = &T> {
        match self {
            OneOrMore::One(one) => std::slice::from_ref(one).iter(),
            OneOrMore::More(more) => more.iter(),
        }
    }
}

/// `"*"`, `{"AWS": "*"}` and `{"AWS": ["*"]}` mean anybody; a user is named by ARN or plainly.
fn names(principal: &Value, who: Option<&str>) -> bool {
    match principal {
        Value::String(one) if one == "*" => true,
        Value::String(one) => who.is_some_and(|who| one.rsplit(":user/").next() == Some(who)),
        Value::Array(more) => more.iter().any(|one| names(one, who)),
        Value::Object(kinds) => kinds.get("AWS").is_some_and(|one| names(one, who)),
        _ => false,
    }
}

/// Whether a pattern, in which `*` stands for anything and `?` for one character, is met by the whole text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some(at) = pattern.find(['*', '?']) else {
        return pattern == text;
    };
    let (head, rest) = (&pattern[..at], &pattern[at + 1..]);
    let Some(after) = text.strip_prefix(head) else {
        return false;
    };
    let mut starts = after.char_indices().map(|(at, _)| at).chain([after.len()]);
    match pattern.as_bytes()[at] {
        b'?' => starts.nth(1).is_some_and(|at| matches(rest, &after[at..])),
        _ => starts.any(|at| matches(rest, &after[at..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC_READ: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::exports/*"]}]}"#;

    #[test]
    fn public_read_allows_reading_objects_and_nothing_else() {
        let policy = Document::of_bucket(PUBLIC_READ, "exports").unwrap();
        assert_eq!(policy.about(None, "s3:GetObject", "exports/a/b"), Some(Effect::Allow));
        assert_eq!(policy.about(Some("ann"), "s3:GetObject", "exports/a"), Some(Effect::Allow));
        assert_eq!(policy.about(None, "s3:PutObject", "exports/a"), None);
        assert_eq!(policy.about(None, "s3:ListBucket", "exports"), None);
    }

    #[test]
    fn a_denial_outweighs_what_is_allowed() {
        let text = r#"{"Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/secret*"},
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/*"}]}"#;
        let policy = Document::of_bucket(text, "b").unwrap();
        assert_eq!(policy.about(None, "s3:GetObject", "b/open"), Some(Effect::Allow));
        assert_eq!(policy.about(None, "s3:GetObject", "b/secret/1"), Some(Effect::Deny));
    }

    #[test]
    fn a_user_is_named_by_arn_or_plainly_and_nobody_else_is_meant() {
        for principal in [r#"{"AWS": "arn:aws:iam::123456789012:user/ann"}"#, r#"{"AWS": ["ann"]}"#] {
            let text = PUBLIC_READ.replace(r#"{"AWS": ["*"]}"#, principal);
            let policy = Document::of_bucket(&text, "exports").unwrap();
            assert_eq!(policy.about(Some("ann"), "s3:GetObject", "exports/a"), Some(Effect::Allow));
            assert_eq!(policy.about(Some("joann"), "s3:GetObject", "exports/a"), None);
            assert_eq!(policy.about(None, "s3:GetObject", "exports/a"), None);
        }
    }

    #[test]
    fn what_is_not_understood_or_does_not_belong_is_refused() {
        let conditional = PUBLIC_READ.replace(r#""Action""#, r#""Condition": {"IpAddress": {}}, "Action""#);
        assert!(matches!(Document::of_bucket(&conditional, "exports"), Err(PolicyError::Conditional)));
        let negated = PUBLIC_READ.replace(r#""Action""#, r#""NotAction""#);
        assert!(matches!(Document::of_bucket(&negated, "exports"), Err(PolicyError::Malformed(_))));
        assert!(matches!(Document::of_bucket(PUBLIC_READ, "export"), Err(PolicyError::Misplaced(_))));
        assert!(matches!(Document::of_bucket("{}", "b"), Err(PolicyError::Malformed(_))));
        assert!(matches!(Document::of_user(PUBLIC_READ), Err(PolicyError::Misplaced(_))));
    }

    #[test]
    fn a_star_stands_for_anything_and_a_question_mark_for_one_character() {
        assert!(matches("a*c", "abbc") && matches("a*c", "ac") && matches("*", "") && matches("a?c", "abc"));
        assert!(!matches("a*c", "acd") && !matches("ab", "abc") && !matches("a?", "a") && !matches("?", "ab"));
    }
}
