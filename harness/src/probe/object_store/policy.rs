//! Requests for the policy of a bucket.

use super::StoreRequest;
use super::exchange::Content;
use serde_json::Value;

impl StoreRequest<'_> {
    /// Sets the policy of a bucket.
    pub fn set_policy(self, bucket: &str, policy: &Value) -> Self {
        self.of("PUT", bucket, "").query("policy", "").content(Content::Text(policy.to_string()))
    }

    /// The policy of a bucket.
    pub fn policy(self, bucket: &str) -> Self {
        self.of("GET", bucket, "").query("policy", "")
    }

    /// Takes the policy of a bucket away.
    pub fn remove_policy(self, bucket: &str) -> Self {
        self.of("DELETE", bucket, "").query("policy", "")
    }
}
