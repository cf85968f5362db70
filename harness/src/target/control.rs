//! Power over the processes of a target: stop a service, start it again.

use super::Service;
use std::pin::Pin;

/// A future that can be stored behind a `dyn` trait.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a service could not be stopped, started or found. Never a verdict on the target.
#[derive(Debug, Clone, thiserror::Error)]
#[error("could not {action} {service}: {reason}")]
pub struct CannotControl {
    /// `stop`, `start` or `find the process of`.
    pub action: &'static str,
    /// The service that was meant.
    pub service: Service,
    /// What went wrong, and what to do about it.
    pub reason: String,
}

/// Whoever started the services can also stop them.
pub trait Control: Send + Sync {
    /// Ends the service (SIGTERM, then SIGKILL) and returns once its process is gone.
    fn stop(&self, service: Service) -> Boxed<'_, Result<(), CannotControl>>;
    /// Starts the service at its old address and returns once its health answers 200.
    fn start(&self, service: Service) -> Boxed<'_, Result<(), CannotControl>>;
    /// The process id of the service.
    fn pid(&self, service: Service) -> Boxed<'_, Result<u32, CannotControl>>;
}
