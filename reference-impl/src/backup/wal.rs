//! The log of changes as it comes from the server: received without end, kept by server, a file at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::io::AsyncReadExt;
use tokio::process::Child;
use tokio::sync::{Notify, watch};

use super::catalogue::{Catalogue, children};
use super::child::{blocking, tail, tethered};
use super::error::BackupError;
use super::lsn::{Lsn, file_name, segment_of};
use super::server::{Access, Server};
use super::tools::Tools;
use crate::clock::Clock;
use crate::supervisor::Ending;

/// The server keeps its log for this name until we have it, also while we are away.
pub const SLOT: &str = "autograph_backup";

/// How long is waited before the stream is begun anew.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the stream may take to begin, and a change to arrive.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked whether it has.
const GLANCE: Duration = Duration::from_millis(5);

/// Where the stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nobody has asked for it: there is no base that the changes could be added to.
    Idle,
    /// It flows into this log.
    Streaming(String),
    /// It does not flow, for this reason.
    Interrupted(String),
}

/// The stream of one server's log; clones share it.
#[derive(Clone)]
pub struct WalStream(Arc<Inner>);

struct Inner {
    enabled: bool,
    access: Access,
    tools: Arc<Tools>,
    catalogue: Catalogue,
    state: watch::Sender<State>,
    wanted: Notify,
}

impl WalStream {
    /// A stream that begins when it is first wanted.
    pub fn new(enabled: bool, access: Access, tools: Arc<Tools>, catalogue: Catalogue) -> WalStream {
        let state = watch::Sender::new(State::Idle);
        WalStream(Arc::new(Inner { enabled, access, tools, catalogue, state, wanted: Notify::new() }))
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.0.state.borrow().clone()
    }

    /// Lets it begin, or begin anew.
    pub fn want(&self) {
        self.0.wanted.notify_one();
    }

    /// Keeps it going as long as the process lives. It begins when it is wanted.
    pub async fn keep(&self, clock: &Clock) {
        if !self.0.enabled {
            return;
        }
        self.0.wanted.notified().await;
        loop {
            let Err(error) = self.receive().await;
            let state = State::Interrupted(error.to_string());
            if self.0.state.send_replace(state.clone()) != state {
                tracing::warn!(error = %error, "The log of changes is not being received");
            }
            tokio::select! {
                () = clock.sleep("reception of the log of changes", PAUSE) => {}
                () = self.0.wanted.notified() => {}
            }
        }
    }

    /// Waits until it flows: the log it flows into.
    pub async fn running(&self) -> Result<String, BackupError> {
        if !self.0.enabled {
            let off =
                "the log of changes is not kept, as BACKUP_WAL_STREAMING is off; turn it on and make a base backup";
            return Err(BackupError::Refused(off.to_owned()));
        }
        let mut state = self.0.state.subscribe();
        let flows = |state: &State| matches!(state, State::Streaming(_));
        if !flows(&state.borrow()) {
            self.want();
        }
        if let Ok(Ok(state)) = tokio::time::timeout(PATIENCE, state.wait_for(flows)).await
            && let State::Streaming(log) = &*state
        {
            return Ok(log.clone());
        }
        let why = match self.state() {
            State::Interrupted(why) => why,
            _ => "it did not begin in time".to_owned(),
        };
        Err(BackupError::Refused(format!("the log of changes is not being received: {why}")))
    }

    /// Receives until something goes wrong.
    async fn receive(&self) -> Result<std::convert::Infallible, BackupError> {
        let mut connection = self.0.access.maintenance().await?;
        let server = Server::ask(&mut connection).await?;
        server.must_stream()?;
        let log = self.0.catalogue.log_of(&server).await?;
        let folder = self.0.catalogue.folder_of_log(&log)?;
        make_slot(&mut connection).await?;
        let program = self.0.tools.program("pg_receivewal", server.major).await?;
        let mut child = tethered(&program, Ending::Terminate, None)
            .args(["--no-loop", "--no-password", "--synchronous", "--slot", SLOT, "--directory"])
            .arg(&folder)
            .envs(self.0.access.environment())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(BackupError::file("start", &program))?;
        tokio::select! {
            ended = ended(&mut child) => return Err(ended),
            active = is_active(&mut connection) => active?,
        }
        // It is of no use while the stream flows.
        let _ = connection.close().await;
        tracing::info!(log, "The log of changes is being received");
        self.0.state.send_replace(State::Streaming(log));
        Err(ended(&mut child).await)
    }

    /// Makes sure that every change so far is in the files; the position behind the last of them.
    pub async fn close(&self, server: &Server) -> Result<Lsn, BackupError> {
        let log = self.running().await?;
        let doing = "close the current file of the log";
        let mut connection = self.0.access.maintenance().await?;
        // A commit of our own: without one, a server at rest has nothing to close, and recovery to a moment after
        // the last change would wait for a later one in vain.
        commit_mark(&mut connection).await?;
        let end: String = sqlx::query_scalar("select pg_switch_wal()::text")
            .fetch_one(&mut connection)
            .await
            .map_err(BackupError::database(doing))?;
        let end: Lsn =
            end.parse().map_err(|_| BackupError::Refused(format!("the server says its log ends at {end}")))?;
        let last = end.segment_before(server.segment_size);
        let folder = self.0.catalogue.folder_of_log(&log)?;
        let file = folder.join(file_name(server.timeline, last, server.segment_size));
        let arrived = async {
            while !tokio::fs::try_exists(&file).await.unwrap_or_default() {
                tokio::time::sleep(GLANCE).await;
            }
        };
        match tokio::time::timeout(PATIENCE, arrived).await {
            Ok(()) => Ok(end),
            Err(_) => Err(BackupError::Refused(format!("{} has not arrived within {PATIENCE:?}", file.display()))),
        }
    }
}

/// A commit that changes nothing, but has its moment and its place in the log.
pub async fn commit_mark(connection: &mut PgConnection) -> Result<(), BackupError> {
    let marked = sqlx::raw_sql("select pg_current_xact_id()").execute(connection).await;
    marked.map(drop).map_err(BackupError::database("mark the moment in the log"))
}

async fn make_slot(connection: &mut PgConnection) -> Result<(), BackupError> {
    sqlx::query(
        "select pg_create_physical_replication_slot($1, true) \
         where not exists (select from pg_replication_slots where slot_name = $1)",
    )
    .bind(SLOT)
    .execute(connection)
    .await
    .map(drop)
    .map_err(BackupError::database("make a replication slot"))
}

async fn is_active(connection: &mut PgConnection) -> Result<(), BackupError> {
    loop {
        let active = sqlx::query_scalar("select active from pg_replication_slots where slot_name = $1").bind(SLOT);
        let active: Option<bool> =
            active.fetch_optional(&mut *connection).await.map_err(BackupError::database("look at the slot"))?;
        if active == Some(true) {
            return Ok(());
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// Waits for the end of the program and says why it came.
async fn ended(child: &mut Child) -> BackupError {
    let mut said = Vec::new();
    if let Some(errors) = child.stderr.as_mut() {
        // What cannot be read is missing from a message, no more.
        let _ = errors.read_to_end(&mut said).await;
    }
    let how = child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
    BackupError::Program { program: "pg_receivewal", how, said: tail(&said) }
}

/// The files of the log from a segment on, in order; the last may still be incomplete.
pub async fn files_from(folder: PathBuf, first: u64, size: u64) -> Result<Vec<PathBuf>, BackupError> {
    let reading = folder.clone();
    let read = move || {
        let all = children(&reading)?.into_iter();
        let numbered = all.filter_map(|(name, path)| Some((segment_of(&name, size)?, path)));
        let mut files: Vec<(u64, PathBuf)> = numbered.filter(|(number, _)| *number >= first).collect();
        files.sort();
        Ok(files.into_iter().map(|(_, path)| path).collect())
    };
    blocking(read).await.map_err(BackupError::file("read", folder))
}

/// Removes the files of the log before a segment: no base needs them any more.
pub fn prune(folder: &Path, first: u64, size: u64) -> std::io::Result<()> {
    for (name, path) in children(folder)? {
        if segment_of(&name, size).is_some_and(|number| number < first) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
