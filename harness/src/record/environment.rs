//! What a target was like when a run began to look at it: the state of its services, and how fast they answer.

use serde::{Deserialize, Serialize};

/// One service, as its health route told of it. Its address stays out: it differs from run to run and says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// Full name: `auth-service`.
    pub service: String,
    /// Whether it answered 200 and called itself healthy.
    pub healthy: bool,
    /// The version it states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it does not count as healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How fast a target answered, and how long a check had in consequence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Deadlines {
    /// What an answer took, in milliseconds.
    pub answer_ms: f64,
    /// The deadline of a check that neither waits in earnest nor sends a load, in seconds.
    pub check_s: f64,
}
