//! Power over the processes of a target: its services, and the servers they stand on.

use super::Service;
use serde_json::Value;
use std::pin::Pin;
use std::time::Duration;

/// A future that can be stored behind a `dyn` trait.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why something could not be stopped, started or found. Never a verdict on the target.
#[derive(Debug, Clone, thiserror::Error)]
#[error("could not {action} {what}: {reason}")]
pub struct CannotControl {
    /// `stop`, `start`, `find the process of`, …
    pub action: &'static str,
    /// The service or server that was meant.
    pub what: String,
    /// What went wrong, and what to do about it.
    pub reason: String,
}

impl CannotControl {
    /// What could not be done, to what, and why.
    pub fn new(action: &'static str, what: impl ToString, reason: impl ToString) -> CannotControl {
        CannotControl { action, what: what.to_string(), reason: reason.to_string() }
    }
}

/// A server that the services stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
    /// The S3 store.
    ObjectStore,
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Server::Postgres => "PostgreSQL",
            Server::Redis => "Redis",
            Server::ObjectStore => "the S3 store",
        })
    }
}

/// What can be done to a target beyond stopping a service and starting it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Power {
    /// Services can be started with other settings, and from files in their working folder.
    Configure,
    /// A service can be sent a signal, and how its process ended can be seen.
    Signal,
    /// The migrations of the database can be run, up and down.
    Migrate,
    /// This server can be stopped and started.
    Over(Server),
}

impl std::fmt::Display for Power {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Power::Configure => f.write_str("power to start services with other settings"),
            Power::Signal => f.write_str("power to send signals to services"),
            Power::Migrate => f.write_str("power to run migrations"),
            Power::Over(server) => write!(f, "power to stop and start {server}"),
        }
    }
}

/// A signal to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// `SIGTERM`: end in good order.
    Terminate,
    /// `SIGINT`: the same, from a keyboard.
    Interrupt,
    /// `SIGKILL`: be gone.
    Kill,
}

impl Signal {
    /// `SIGTERM`, …
    pub const fn name(self) -> &'static str {
        match self {
            Signal::Terminate => "SIGTERM",
            Signal::Interrupt => "SIGINT",
            Signal::Kill => "SIGKILL",
        }
    }
}

/// Whoever started the services can also stop them.
pub trait Control: Send + Sync {
    /// Ends the service (SIGTERM, then SIGKILL) and returns once its process is gone.
    fn stop(&self, service: Service) -> Boxed<'_, Result<(), CannotControl>>;
    /// Starts the service at its old address and returns once its health answers 200.
    fn start(&self, service: Service) -> Boxed<'_, Result<(), CannotControl>>;
    /// The process id of the service.
    fn pid(&self, service: Service) -> Boxed<'_, Result<u32, CannotControl>>;

    /// Whether it is known which processes the services are.
    fn knows_pids(&self) -> bool {
        true
    }

    /// Whether this can be done; each of the methods below demands its power.
    fn grants(&self, power: Power) -> bool {
        let _ = power;
        false
    }

    /// As [`Control::start`], once, with these variables set, or unset where the value is `None`. With `healthy`
    /// false it returns as soon as the process runs.
    fn start_with(
        &self,
        service: Service,
        variables: Vec<(String, Option<String>)>,
        healthy: bool,
    ) -> Boxed<'_, Result<(), CannotControl>> {
        let _ = (variables, healthy);
        Box::pin(async move { Err(CannotControl::new("start", service, Power::Configure)) })
    }

    /// Writes a file into the folder that services start in, or removes it.
    fn place_file(&self, name: &str, text: Option<&str>) -> Result<(), CannotControl> {
        let _ = text;
        Err(CannotControl::new("write", name, Power::Configure))
    }

    /// Sends a signal and returns at once.
    fn signal(&self, service: Service, signal: Signal) -> Boxed<'_, Result<(), CannotControl>> {
        let _ = signal;
        Box::pin(async move { Err(CannotControl::new("signal", service, Power::Signal)) })
    }

    /// Waits for the process to end by itself: `{"code": 0}` or `{"signal": 9}`; `null` where it still runs.
    fn ended(&self, service: Service, within: Duration) -> Boxed<'_, Result<Value, CannotControl>> {
        let _ = within;
        Box::pin(async move { Err(CannotControl::new("watch", service, Power::Signal)) })
    }

    /// Runs the migrations: all that are missing, so many of those (above zero), or so many steps back (below zero).
    /// What was printed, and the exit code.
    fn migrate(&self, steps: Option<i32>) -> Boxed<'_, Result<Value, CannotControl>> {
        let _ = steps;
        Box::pin(async move { Err(CannotControl::new("run", "the migrations", Power::Migrate)) })
    }

    /// Makes another database on the server of the target's own, of this name and with the newest schema.
    fn add_database(&self, name: String) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move { Err(CannotControl::new("make", name, Power::Migrate)) })
    }

    /// Ends a server at once, as a crash would; its data stays.
    fn stop_server(&self, server: Server) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move { Err(CannotControl::new("stop", server, Power::Over(server))) })
    }

    /// Ends a server at once, and takes its data away.
    fn wipe_server(&self, server: Server) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move { Err(CannotControl::new("empty", server, Power::Over(server))) })
    }

    /// Starts a server again at its old address and returns once it answers.
    fn start_server(&self, server: Server) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move { Err(CannotControl::new("start", server, Power::Over(server))) })
    }
}
