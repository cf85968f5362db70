//! The services of a stack as processes: started, stopped and started again.

use super::error::ProvisionError;
use super::log_file;
use super::ports;
use super::process::Process;
use super::readiness::{Attempt, PATIENCE, health, until};
use super::run::Run;
use crate::target::{self, CannotControl, Secret, Service};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// How long a service may take to end once it was asked to; the contract gives it time to finish its requests.
const FAREWELL: Duration = Duration::from_secs(5);

/// How to start one service, the first time and every other.
#[derive(Debug)]
pub struct Blueprint {
    /// The reference's executable.
    pub executable: PathBuf,
    /// Where it runs: the stack's folder, for whatever it writes beside its log.
    pub folder: PathBuf,
    /// Its whole environment.
    pub environment: BTreeMap<String, OsString>,
    /// Where it listens itself, perhaps behind a proxy.
    pub port: u16,
    /// Where its output goes; none for nowhere.
    pub log: Option<PathBuf>,
}

/// The services of one stack.
pub struct Services {
    run: Arc<Run>,
    supervised: BTreeMap<Service, Supervised>,
    secrets: Vec<Secret>,
}

#[derive(Debug)]
struct Supervised {
    blueprint: Blueprint,
    process: Mutex<Option<Process>>,
}

impl Services {
    /// Starts all of them and returns once each has answered for its health. If one does not, all are ended.
    pub async fn start(
        run: Arc<Run>,
        blueprints: BTreeMap<Service, Blueprint>,
        secrets: Vec<Secret>,
    ) -> Result<Arc<Services>, ProvisionError> {
        let supervise = |blueprint| Supervised { blueprint, process: Mutex::new(None) };
        let supervised = blueprints.into_iter().map(|(service, blueprint)| (service, supervise(blueprint)));
        let services = Arc::new(Services { run, supervised: supervised.collect(), secrets });
        let mut starting = JoinSet::new();
        for service in services.supervised.keys().copied() {
            let services = services.clone();
            starting.spawn(async move { services.launch(service).await });
        }
        while let Some(started) = starting.join_next().await {
            started.map_err(std::io::Error::other).map_err(ProvisionError::system("start the services"))??;
        }
        Ok(services)
    }

    /// Ends all of them at once. Nobody listens any more, so they are not left much time.
    pub async fn end(self: Arc<Self>) {
        let mut ending = JoinSet::new();
        for service in self.supervised.keys().copied() {
            let services = self.clone();
            ending.spawn(async move { services.finish(service, Duration::from_millis(300)).await });
        }
        ending.join_all().await;
    }

    async fn launch(&self, service: Service) -> Result<(), ProvisionError> {
        self.run_process(service, &[]).await?;
        self.until_healthy(service).await
    }

    /// Sees to it that the service has a process.
    async fn run_process(
        &self,
        service: Service,
        variables: &[(String, Option<String>)],
    ) -> Result<(), ProvisionError> {
        let Some(supervised) = self.supervised.get(&service) else {
            return Ok(());
        };
        let mut slot = supervised.process.lock().await;
        if slot.as_ref().is_none_or(|process| process.ended().is_some()) {
            let mut command = supervised.blueprint.command(service)?;
            for (name, value) in variables {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            *slot = Some(Process::start(&self.run.reaper, service.name(), command, Signal::KILL).await?);
        }
        Ok(())
    }

    async fn until_healthy(&self, service: Service) -> Result<(), ProvisionError> {
        let Some(supervised) = self.supervised.get(&service) else {
            return Ok(());
        };
        let slot = supervised.process.lock().await;
        let Some(process) = slot.as_ref() else {
            return Ok(());
        };
        let port = supervised.blueprint.port;
        let ready = until(PATIENCE, || async move {
            let healthy = health(port, service.health_path()).await;
            // Asked after its health, lest another process on its port be taken for it.
            match (process.ended(), healthy) {
                (Some(status), _) => Attempt::Hopeless(format!("it ended with {status}")),
                (None, Ok(())) => Attempt::Ready(()),
                (None, Err(why)) => Attempt::NotYet(why),
            }
        });
        let gave_up = match ready.await {
            Ok(()) => return Ok(()),
            Err(gave_up) => gave_up,
        };
        if process.ended().is_some() && !ports::is_free(port) {
            return Err(ProvisionError::PortTaken { service, port });
        }
        Err(ProvisionError::NotReady {
            service,
            waited: gave_up.waited,
            last: gave_up.last,
            log: self.tail(&supervised.blueprint),
        })
    }

    async fn finish(&self, service: Service, patience: Duration) {
        if let Some(supervised) = self.supervised.get(&service) {
            let mut slot = supervised.process.lock().await;
            if let Some(process) = slot.as_ref() {
                process.stop(Signal::TERM, patience).await;
            }
            *slot = None;
        }
    }

    /// The end of the log, with no secret in it.
    fn tail(&self, blueprint: &Blueprint) -> String {
        let Some(log) = &blueprint.log else {
            return "(muted)".into();
        };
        let tail = log_file::tail(log);
        let hide = |text: String, secret: &Secret| text.replace(secret.expose(), "…");
        self.secrets.iter().fold(tail, hide)
    }

    fn find(&self, service: Service, action: &'static str) -> Result<&Supervised, CannotControl> {
        let why = "it is no process of this stack; name it among the services of the check's setup";
        self.supervised.get(&service).ok_or_else(|| CannotControl::new(action, service, why))
    }

    /// Ends a service (SIGTERM, then SIGKILL) and returns once its process is gone.
    pub async fn stop(&self, service: Service) -> Result<(), CannotControl> {
        self.find(service, "stop")?;
        self.finish(service, FAREWELL).await;
        Ok(())
    }

    /// Starts a service that does not run, this once with these variables set, or unset where the value is `None`.
    /// Returns once it is healthy, or at once where it need not be.
    pub async fn start_with(
        &self,
        service: Service,
        variables: Vec<(String, Option<String>)>,
        healthy: bool,
    ) -> Result<(), CannotControl> {
        self.find(service, "start")?;
        let process = self.run_process(service, &variables).await;
        let started = match process {
            Ok(()) if healthy => self.until_healthy(service).await,
            other => other,
        };
        started.map_err(|error| CannotControl::new("start", service, error))
    }

    /// The process id of a service that runs.
    pub async fn pid(&self, service: Service) -> Result<u32, CannotControl> {
        let action = "find the process of";
        let slot = self.find(service, action)?.process.lock().await;
        let process = slot.as_ref().ok_or_else(|| CannotControl::new(action, service, "it was stopped"))?;
        match process.ended() {
            None => Ok(process.pid()),
            Some(status) => Err(CannotControl::new(action, service, format!("it ended with {status}"))),
        }
    }

    /// Sends a signal to a service's process and returns at once.
    pub async fn signal(&self, service: Service, signal: target::Signal) -> Result<(), CannotControl> {
        let slot = self.find(service, "signal")?.process.lock().await;
        let process = slot.as_ref().ok_or_else(|| CannotControl::new("signal", service, "it was stopped"))?;
        process.signal(match signal {
            target::Signal::Terminate => Signal::TERM,
            target::Signal::Interrupt => Signal::INT,
            target::Signal::Kill => Signal::KILL,
        });
        Ok(())
    }

    /// Waits for a service's process to end by itself: `{"code": 0}` or `{"signal": 9}`; `null` where it still runs.
    pub async fn ended(&self, service: Service, within: Duration) -> Result<Value, CannotControl> {
        let slot = self.find(service, "watch")?.process.lock().await;
        let process = slot.as_ref().ok_or_else(|| CannotControl::new("watch", service, "it was stopped"))?;
        Ok(match process.wait(within).await {
            None => Value::Null,
            Some(status) => match status.code() {
                Some(code) => json!({"code": code}),
                None => json!({"signal": status.signal()}),
            },
        })
    }
}

impl Blueprint {
    fn command(&self, service: Service) -> Result<Command, ProvisionError> {
        let mut command = Command::new(&self.executable);
        command.args(["serve", service.short()]).env_clear().envs(&self.environment).current_dir(&self.folder);
        match &self.log {
            Some(log) => log_file::attach(&mut command, log)?,
            None => {
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            }
        }
        Ok(command)
    }
}
