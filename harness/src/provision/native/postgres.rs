//! The PostgreSQL of the run: fast, forgetful, on loopback only.

use super::account::Account;
use super::cluster::{self, SUPERUSER};
use super::programs::PostgresPrograms;
use crate::provision::database::connect;
use crate::provision::error::ProvisionError;
use crate::provision::log_file;
use crate::provision::process::Process;
use crate::provision::random;
use crate::provision::readiness::{Attempt, PATIENCE, until};
use crate::provision::run::Run;
use crate::target::{PostgresAccess, Secret};
use rustix::process::Signal;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Nothing here needs to survive a crash, so nothing waits for the disk.
const SETTINGS: [&str; 16] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    // In the data folder, which is removed in any case; elsewhere it would outlive a server that is killed.
    "dynamic_shared_memory_type=mmap",
    "max_connections=300",
    "shared_buffers=64MB",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "wal_init_zero=off",
    "wal_recycle=off",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
];

/// A running PostgreSQL.
pub struct Postgres {
    /// The superuser's way into the maintenance database.
    pub access: PostgresAccess,
    process: Process,
}

impl Postgres {
    /// Starts it and returns once it has taken its new, random password.
    pub async fn start(run: &Run, programs: &PostgresPrograms) -> Result<Postgres, ProvisionError> {
        let cluster = cluster::prepare(run, programs, Account::to_change_to(), "postgresql").await?;
        let port = run.ports.take()?;
        let log = run.directory.join("postgresql.log");
        let process = launch(run, programs, &cluster.data, port, &[], &log).await?;
        let mut access = access(port, cluster.password);
        let connection = answering(&process, &access, &log).await?;
        access.password = change_password(connection, Secret::new(random::hex(24))).await?;
        Ok(Postgres { access, process })
    }

    /// Ends it without a farewell: its data goes, too.
    pub async fn stop(self) {
        end(&self.process).await;
    }
}

/// Starts a server on a data folder; `settings` go before the usual ones.
pub async fn launch(
    run: &Run,
    programs: &PostgresPrograms,
    data: &Path,
    port: u16,
    settings: &[&str],
    log: &Path,
) -> Result<Process, ProvisionError> {
    let mut command = Command::new(&programs.postgres);
    command.arg("-D").arg(data).args(["-p", &port.to_string()]).env_clear();
    for setting in SETTINGS.iter().chain(settings) {
        command.args(["-c", setting]);
    }
    if let Some(account) = Account::to_change_to() {
        account.run_as(&mut command);
    }
    log_file::attach(&mut command, log)?;
    // By SIGQUIT it ends at once and takes its children and its shared memory with it; after SIGKILL they stay.
    Process::start(&run.reaper, "postgresql", command, Signal::QUIT).await
}

/// Ends a server as a crash would.
pub async fn end(process: &Process) {
    process.stop(Signal::QUIT, Duration::from_secs(5)).await;
}

/// A connection to a server that was just started, as soon as it takes one.
pub async fn answering(process: &Process, access: &PostgresAccess, log: &Path) -> Result<PgConnection, ProvisionError> {
    let attempt = || async {
        if let Some(status) = process.ended() {
            return Attempt::Hopeless(format!("it ended with {status}"));
        }
        match connect(access).await {
            Ok(connection) => Attempt::Ready(connection),
            Err(error) => Attempt::NotYet(error.to_string()),
        }
    };
    until(PATIENCE, attempt).await.map_err(|gave_up| ProvisionError::ServerNotReady {
        server: "postgresql",
        waited: gave_up.waited,
        last: gave_up.last,
        log: log_file::tail(log),
    })
}

/// Gives the superuser another password: the one in the cache is as good as public.
pub async fn change_password(mut connection: PgConnection, password: Secret) -> Result<Secret, ProvisionError> {
    let statement = format!("alter role {SUPERUSER} password '{}'", password.expose());
    let changed = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await;
    // The statement holds the password, so the message must not hold the statement.
    changed.map_err(ProvisionError::database("change the superuser's password"))?;
    // Whether the farewell arrives does not matter.
    let _ = connection.close().await;
    Ok(password)
}

/// The superuser's way into the maintenance database of a server on this port.
pub fn access(port: u16, password: Secret) -> PostgresAccess {
    PostgresAccess {
        host: Ipv4Addr::LOCALHOST.to_string(),
        port,
        database: "postgres".into(),
        user: SUPERUSER.into(),
        password,
        tls: false,
    }
}
