//! The state of the services of a target when a run began to look at it.

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
