//! Requests for the lifecycle rules of a bucket.

use super::StoreRequest;
use super::exchange::{Content, children, number_of, text_of};
use roxmltree::{Document, Node};
use serde_json::{Value, json};

/// A rule that objects go by themselves.
#[derive(Debug, Clone, Copy)]
pub struct Rule<'a> {
    /// Its name.
    pub id: &'a str,
    /// What keys begin with that it is about.
    pub prefix: &'a str,
    /// After how many days they go.
    pub days: u32,
}

impl StoreRequest<'_> {
    /// Sets the rules of a bucket, in place of those it had.
    pub fn set_lifecycle(self, bucket: &str, rules: &[Rule<'_>]) -> Self {
        let rule = |rule: &Rule<'_>| {
            format!(
                "<Rule><ID>{}</ID><Status>Enabled</Status><Filter><Prefix>{}</Prefix></Filter>\
                 <Expiration><Days>{}</Days></Expiration></Rule>",
                rule.id, rule.prefix, rule.days
            )
        };
        let rules: String = rules.iter().map(rule).collect();
        let text = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
        self.of("PUT", bucket, "").query("lifecycle", "").content(Content::Text(text))
    }

    /// The rules of a bucket, as `/found`: `id`, `status`, `prefix` and `days` of each.
    pub fn lifecycle(self, bucket: &str) -> Self {
        self.of("GET", bucket, "").query("lifecycle", "").shape(rules)
    }
}

fn rules(xml: &Document<'_>) -> Value {
    children(xml.root_element(), "Rule").map(rule).collect()
}

/// The prefix stands in a filter, in an old document beside it, and nowhere where the rule is about all.
fn rule(node: Node<'_, '_>) -> Value {
    let filter = children(node, "Filter").next();
    let prefix = filter.and_then(|filter| text_of(filter, "Prefix")).or_else(|| text_of(node, "Prefix"));
    let days = children(node, "Expiration").next().and_then(|expiration| number_of(expiration, "Days"));
    json!({
        "id": text_of(node, "ID"),
        "status": text_of(node, "Status"),
        "prefix": prefix.unwrap_or_default(),
        "days": days,
    })
}
