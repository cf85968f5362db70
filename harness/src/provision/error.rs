//! Why there is no target to check.

use crate::target::Service;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why there is no target to check. Never a verdict on the target: it was not even looked at.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// No container engine answers.
    #[error("no container engine answers ({reason}); start one, or use `--backend native`")]
    NoEngine {
        /// What was tried and what came of it.
        reason: String,
    },
    /// An engine is there, an image is not.
    #[error(
        "the container engine has no image {image} and cannot pull it ({reason}); name another by {variable}, or use `--backend native`"
    )]
    NoImage {
        /// The image.
        image: String,
        /// The variable that names another one.
        variable: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// An earlier run on somebody else's system was killed while it had their database put aside.
    #[error(
        "the database server has a database {database}, which an earlier run put aside and did not come to bring back; \
         do that first, with `conform clean` of its record"
    )]
    DatabaseAside {
        /// Under which name it is now.
        database: String,
    },
    /// A container could not be started or used.
    #[error("the container of {server} could not be used: {reason}; look at `docker ps -a`, or use `--backend native`")]
    Container {
        /// `postgresql`, `redis` or `minio`.
        server: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// Programs that the native backend needs are not installed.
    #[error("not installed: {programs}{installing}; install {packages}, or use `--backend docker`")]
    NotInstalled {
        /// What is missing.
        programs: String,
        /// Why the harness did not install it, with its own punctuation.
        installing: String,
        /// The packages that bring it.
        packages: String,
    },
    /// A program is there, but too old.
    #[error("{program} at {} is version {found}, and at least {wanted} is needed; install a newer one or use `--backend docker`", path.display())]
    TooOld {
        /// Which program.
        program: &'static str,
        /// Where it was found.
        path: PathBuf,
        /// The version it states.
        found: String,
        /// The oldest that will do.
        wanted: &'static str,
    },
    /// A program that had to run to its end did not, or failed.
    #[error("`{command}` failed ({reason}): {output}")]
    CommandFailed {
        /// The command, without secrets.
        command: String,
        /// Exit status, or why it did not run.
        reason: String,
        /// The end of what it printed.
        output: String,
    },
    /// A server ended or kept silent where it should have become ready.
    #[error("{server} was not ready after {waited:?} ({last}); the end of its log: {log}")]
    ServerNotReady {
        /// `postgresql`, `redis`, `minio` or `embedded s3 store`.
        server: &'static str,
        /// How long it was given.
        waited: Duration,
        /// What the last try came to.
        last: String,
        /// The end of its log.
        log: String,
    },
    /// A service ended or kept silent where it should have become ready.
    #[error("{service} was not ready after {waited:?} ({last}); the end of its log: {log}")]
    NotReady {
        /// Which service.
        service: Service,
        /// How long it was given.
        waited: Duration,
        /// What the last try came to.
        last: String,
        /// The end of its log.
        log: String,
    },
    /// Another process took the port between its choice and its use.
    #[error("port {port}, chosen for {service}, was taken by another process; run again")]
    PortTaken {
        /// The service that was to listen there.
        service: Service,
        /// The port.
        port: u16,
    },
    /// There is no reference implementation to start.
    #[error("the reference implementation is not there: {0}")]
    NoReference(String),
    /// A statement on the harness's own PostgreSQL failed.
    #[error("PostgreSQL could not {action}: {source}")]
    Database {
        /// What was to be done, as `create the database "f041_1"`.
        action: String,
        /// What PostgreSQL said.
        source: sqlx::Error,
    },
    /// The system cannot be brought up by its compose file here.
    #[error("no system from the compose file: {0}")]
    NoCompose(String),
    /// A sabotage that changes a file found nothing to change.
    #[error("{} does not hold {text:?}: the sabotage that changes it is out of date", path.display())]
    NothingToEdit {
        /// The copy that was to be changed.
        path: PathBuf,
        /// What was looked for.
        text: &'static str,
    },
    /// A file or folder of the run could not be used.
    #[error("could not {action} {}: {source}; check space and permissions there", path.display())]
    File {
        /// What was to be done, as `create`.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused something else: a process, a socket.
    #[error("could not {action}: {source}")]
    System {
        /// What was to be done, as `start the reaper`.
        action: String,
        /// What the system said.
        source: io::Error,
    },
}

impl ProvisionError {
    /// For `map_err`: an input or output error with what was being done, and where.
    pub fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> ProvisionError {
        let path = path.into();
        move |source| ProvisionError::File { action, path, source }
    }

    /// For `map_err`: an error of the system with what was being done.
    pub fn system(action: impl Into<String>) -> impl FnOnce(io::Error) -> ProvisionError {
        let action = action.into();
        move |source| ProvisionError::System { action, source }
    }

    /// For `map_err`: an error of PostgreSQL with what was being done.
    pub fn database(action: impl Into<String>) -> impl FnOnce(sqlx::Error) -> ProvisionError {
        let action = action.into();
        move |source| ProvisionError::Database { action, source }
    }
}
