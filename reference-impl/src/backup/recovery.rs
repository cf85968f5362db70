//! Recovers a base backup and the log of changes in a server of its own, which nobody else can reach, to a chosen moment.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, PgConnection};
use tokio::process::{Child, Command};

use super::account::Account;
use super::child::{LIMIT, blocking, tail, tethered};
use super::error::BackupError;
use super::server::Access;
use crate::config;
use crate::supervisor::Ending;

/// How folders of this kind begin; the process that made them follows.
const PREFIX: &str = "autograph-recovery-";
/// How often is asked whether the server is there.
const GLANCE: Duration = Duration::from_millis(20);
/// The path to a socket cannot be longer.
const LONGEST_SOCKET: usize = 107;
/// What the server says when the chosen moment lies after the last change.
const TARGET_AFTER_END: &str = "recovery ended before configured recovery target was reached";

/// Where recovery ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// As soon as the base is whole.
    Whole,
    /// With the last change there is.
    Last,
    /// With the last change up to this moment.
    Time(DateTime<Utc>),
}

/// What a server is run with.
pub struct Programs {
    /// The server.
    pub server: PathBuf,
    /// What tells it to go to work.
    pub control: PathBuf,
}

/// A server with the data of a backup, before it is started. Dropping it removes its data.
pub struct Scratch {
    folder: PathBuf,
    programs: Programs,
    account: Option<Account>,
    live: config::Postgres,
    server: Option<Child>,
}

/// A recovered server that answers.
pub struct Recovered {
    /// The way to it.
    pub access: Access,
    /// When the last change was made that it has.
    pub last_change: Option<DateTime<Utc>>,
    scratch: Scratch,
}

impl Scratch {
    /// Copies the base and the files of the log into a folder of their own under `root`.
    ///
    /// `live` says how the database and its user are called.
    pub async fn prepare(
        root: &Path,
        programs: Programs,
        base: &Path,
        log: Vec<PathBuf>,
        live: &config::Postgres,
    ) -> Result<Scratch, BackupError> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let folder = root.join(format!("{PREFIX}{}-{}", std::process::id(), &id[..8]));
        if folder.as_os_str().len() + "/.s.PGSQL.5432".len() > LONGEST_SOCKET {
            let root = root.display();
            return Err(BackupError::Refused(format!(
                "{root} is too long a path, set BACKUP_SCRATCH_DIR to a short one"
            )));
        }
        let account = Account::to_change_to();
        let scratch = Scratch { folder: folder.clone(), programs, account, live: live.clone(), server: None };
        let (base, target) = (base.to_owned(), folder.clone());
        let copied = blocking(move || {
            make_folder(&target, account)?;
            let data = target.join("data");
            copy(&base, &data, account)?;
            for file in log {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                // A file that is still being written ends in zeros, where recovery stops by itself.
                let target = data.join("pg_wal").join(name.trim_end_matches(".partial"));
                copy(&file, &target, account)?;
            }
            // What was set on the live server by command must not hold here.
            write(&data.join("postgresql.auto.conf"), "", account)?;
            write(&target.join("hba.conf"), "local all all trust\n", account)?;
            // As a standby it reads the log beside its data without asking a command for each file.
            write(&data.join("standby.signal"), "", account)
        });
        copied.await.map_err(BackupError::file("copy the base to", folder))?;
        Ok(scratch)
    }

    /// Starts the server and returns once it has recovered.
    pub async fn recover(mut self, until: Until) -> Result<Recovered, BackupError> {
        let mut connection = match self.start(until).await {
            Err(BackupError::Program { said, .. }) if said.contains(TARGET_AFTER_END) => {
                self.start(Until::Last).await?
            }
            other => other?,
        };
        let last_change = sqlx::query_scalar("select pg_last_xact_replay_timestamp()")
            .fetch_one(&mut connection)
            .await
            .map_err(BackupError::database("ask for the last change"))?;
        // It has said all it was asked.
        let _ = connection.close().await;
        Ok(Recovered { access: self.access(), last_change, scratch: self })
    }

    async fn start(&mut self, until: Until) -> Result<PgConnection, BackupError> {
        let configuration = self.folder.join("postgresql.conf");
        write(&configuration, &self.configuration(until), self.account)
            .map_err(BackupError::file("write", &configuration))?;
        let log = self.folder.join("log");
        let output = fs::File::create(&log).map_err(BackupError::file("write", &log))?;
        let access = self.access();
        let child =
            self.command(&configuration, output).spawn().map_err(BackupError::file("start", &self.programs.server))?;
        let child = self.server.insert(child);
        // Told early, it still reads all of the log that there is before it goes to work.
        let mut promote = tethered(&self.programs.control, Ending::Terminate, self.account);
        promote.args(["promote", "--no-wait", "-D"]).arg(self.folder.join("data")).env("LC_ALL", "C");
        let deadline = Instant::now() + LIMIT;
        let mut promoted = false;
        loop {
            promoted = promoted || promote.output().await.is_ok_and(|output| output.status.success());
            let ended = child.try_wait().map_err(BackupError::file("wait for", &self.programs.server))?;
            // It lets nobody in before it has recovered.
            if ended.is_none()
                && let Ok(connection) = access.maintenance().await
            {
                return Ok(connection);
            }
            if ended.is_some() || Instant::now() > deadline {
                let how = ended.map_or_else(|| format!("not ready within {LIMIT:?}"), |status| status.to_string());
                let said = tail(&fs::read(&log).unwrap_or_default());
                return Err(BackupError::Program { program: "postgres", how, said });
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn command(&self, configuration: &Path, output: fs::File) -> Command {
        let mut command = tethered(&self.programs.server, Ending::Interrupt, self.account);
        command.arg("-D").arg(self.folder.join("data"));
        command.arg("-c").arg(format!("config_file={}", configuration.display()));
        command.env("LC_ALL", "C").stdout(Stdio::null()).stderr(Stdio::from(output));
        command
    }

    fn access(&self) -> Access {
        Access(config::Postgres { host: self.folder.display().to_string(), port: 5432, ..self.live.clone() })
    }

    /// Settings of its own, whatever the live server has: nobody but us reaches it, and nothing in it must survive.
    fn configuration(&self, until: Until) -> String {
        let folder = quoted(&self.folder.display().to_string());
        let hba = quoted(&self.folder.join("hba.conf").display().to_string());
        let target = match until {
            Until::Whole => "recovery_target = 'immediate'\n".to_owned(),
            Until::Last => String::new(),
            Until::Time(time) => format!("recovery_target_time = '{}'\n", time.format("%Y-%m-%d %H:%M:%S%.6f+00")),
        };
        format!(
            "listen_addresses = ''\nport = 5432\nunix_socket_directories = {folder}\nunix_socket_permissions = 0700\n\
             hba_file = {hba}\nfsync = off\nfull_page_writes = off\nsynchronous_commit = off\nautovacuum = off\n\
             hot_standby = off\nwal_level = minimal\nmax_wal_senders = 0\narchive_mode = off\nmax_connections = 20\n\
             max_prepared_transactions = 64\nmax_locks_per_transaction = 256\nshared_buffers = 32MB\n\
             dynamic_shared_memory_type = mmap\nlog_timezone = UTC\ntimezone = UTC\nlc_messages = C\n\
             wal_retrieve_retry_interval = 100ms\nrecovery_target_timeline = 'current'\nrecovery_target_action = 'promote'\n{target}"
        )
    }

    /// Ends the server at once, with its children and its shared memory; its data are of no more use.
    fn end(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        if let Some(pid) = server.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            // One that has ended already needs no signal.
            let _ = kill_process(pid, Signal::QUIT);
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(server.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.end();
        // What cannot be removed now is swept at the next start.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Recovered {
    /// A folder that goes with the server.
    pub fn folder(&self) -> &Path {
        &self.scratch.folder
    }

    /// Ends the server and removes its data.
    pub async fn end(self) {
        // Beside the event loop, for it waits for a process. A panic in there leaves what the next start sweeps.
        let _ = tokio::task::spawn_blocking(move || drop(self.scratch)).await;
    }
}

/// Removes what processes that are gone have left under `root`.
pub fn sweep(root: &Path) {
    for (name, path) in super::catalogue::children(root).unwrap_or_default() {
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Somebody else may sweep at the same time.
            let _ = fs::remove_dir_all(path);
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn make_folder(folder: &Path, account: Option<Account>) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(folder)?;
    account.map_or(Ok(()), |account| account.own(folder))
}

fn write(file: &Path, text: &str, account: Option<Account>) -> io::Result<()> {
    fs::write(file, text)?;
    account.map_or(Ok(()), |account| account.own(file))
}

/// Copies a file, or a folder with all that is in it, and gives the copy to the account.
fn copy(from: &Path, to: &Path, account: Option<Account>) -> io::Result<()> {
    if !from.is_dir() {
        fs::copy(from, to)?;
        return account.map_or(Ok(()), |account| account.own(to));
    }
    make_folder(to, account)?;
    for (name, path) in super::catalogue::children(from)? {
        copy(&path, &to.join(name), account)?;
    }
    Ok(())
}
