//! A PostgreSQL of a check's own: it hands out its log of changes, and can be stopped, emptied and started again.

use super::account::Account;
use super::cluster;
use super::postgres::{access, answering, change_password, end, launch};
use super::programs::PostgresPrograms;
use crate::provision::error::ProvisionError;
use crate::provision::process::Process;
use crate::provision::random;
use crate::provision::run::Run;
use crate::provision::servers::{PostgresServer, Running};
use crate::target::{Boxed, Secret};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;

/// In what it differs from the run's server: changes can be followed, and what was acknowledged survives a crash of the
/// server, if not of the machine.
const SETTINGS: [&str; 5] =
    ["wal_level=replica", "max_wal_senders=10", "synchronous_commit=on", "full_page_writes=on", "max_connections=100"];

/// Starts it and returns once it has taken its new, random password.
pub async fn start(run: &Arc<Run>, programs: &PostgresPrograms, stack: &str) -> Result<PostgresServer, ProvisionError> {
    let port = run.ports.take()?;
    // Ports come round again, and a folder that could not be removed may still be there.
    let name = format!("postgresql-{stack}-{port}-{}", random::hex(4));
    let own = OwnPostgres {
        run: run.clone(),
        programs: programs.clone(),
        log: run.directory.join(format!("{name}.log")),
        name,
        port,
        password: Secret::new(random::hex(24)),
        state: Mutex::default(),
    };
    own.fill().await?;
    own.launch().await?;
    Ok(PostgresServer { access: access(port, own.password.clone()), running: Box::new(own) })
}

struct OwnPostgres {
    run: Arc<Run>,
    programs: PostgresPrograms,
    name: String,
    port: u16,
    password: Secret,
    log: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Where its data are.
    data: PathBuf,
    /// The password it still has, before its first start on these data.
    fresh: Option<Secret>,
    process: Option<Process>,
}

impl OwnPostgres {
    /// Gives it data of a server that was never used.
    async fn fill(&self) -> Result<(), ProvisionError> {
        let cluster = cluster::prepare(&self.run, &self.programs, Account::to_change_to(), &self.name).await?;
        let mut state = self.state.lock().await;
        (state.data, state.fresh) = (cluster.data, Some(cluster.password));
        Ok(())
    }

    async fn launch(&self) -> Result<(), ProvisionError> {
        let State { data, fresh, process } = &mut *self.state.lock().await;
        let started = launch(&self.run, &self.programs, data, self.port, &SETTINGS, &self.log).await?;
        let started = process.insert(started);
        let has = fresh.as_ref().unwrap_or(&self.password).clone();
        let connection = answering(started, &access(self.port, has), &self.log).await?;
        change_password(connection, self.password.clone()).await?;
        *fresh = None;
        Ok(())
    }

    async fn end(&self) {
        if let Some(process) = self.state.lock().await.process.take() {
            end(&process).await;
        }
    }

    async fn empty(&self) -> Result<(), ProvisionError> {
        let home = self.run.scratch.join(&self.name);
        tokio::fs::remove_dir_all(&home).await.map_err(ProvisionError::file("remove", home))?;
        self.fill().await
    }
}

impl Running for OwnPostgres {
    fn stop(self: Box<Self>) -> Boxed<'static, ()> {
        Box::pin(async move {
            self.end().await;
            // What cannot be removed here goes with the run's folder.
            let _ = tokio::fs::remove_dir_all(self.run.scratch.join(&self.name)).await;
        })
    }

    fn pause(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async {
            self.end().await;
            Ok(())
        })
    }

    fn wipe(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async {
            self.end().await;
            self.empty().await.map_err(|error| error.to_string())
        })
    }

    fn resume(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async { self.launch().await.map_err(|error| error.to_string()) })
    }
}
