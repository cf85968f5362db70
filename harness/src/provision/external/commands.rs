//! Control of a target by commands of its owner: `systemctl stop {name}`, `docker compose stop {name}`, …

use super::service_process::{is_nobodys_service, is_running};
use crate::provision::Errand;
use crate::target::{Boxed, CannotControl, Control, Power, Service, Signal};
use crate::wire::{Client, Trust};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How long a command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// How long a service may take to fall silent, or to answer, once its command has ended.
const EFFECT_LIMIT: Duration = Duration::from_secs(60);
/// How long one question to a health route may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// More of what a command prints is not kept.
const MOST_READ: usize = 64 << 10;
/// How long what a command has written may take to arrive once it has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(50);

/// Whether a word of a command says which service is meant.
pub(super) fn names_a_service(word: &str) -> bool {
    word.contains("{service}") || word.contains("{name}")
}

/// The commands of a target file's `[control]`.
pub(super) struct Commands {
    stop: Vec<String>,
    start: Vec<String>,
    pid: Option<Vec<String>>,
    health: BTreeMap<Service, String>,
    http: Client,
    patience: Duration,
    /// Processes that were sent a signal: once they are gone, no command knows them any more.
    signalled: Mutex<BTreeMap<Service, u32>>,
}

impl Commands {
    /// Commands are programs with their arguments; `health` are the URLs that tell whether a service is up.
    pub(super) fn new(
        stop: Vec<String>,
        start: Vec<String>,
        pid: Option<Vec<String>>,
        health: BTreeMap<Service, String>,
        trust: &Trust,
    ) -> Commands {
        Commands {
            stop,
            start,
            pid,
            health,
            http: Client::new(trust),
            patience: EFFECT_LIMIT,
            signalled: Mutex::default(),
        }
    }

    /// Asks the health route until it answers 200, or until it no longer does.
    async fn until_healthy(&self, service: Service, wanted: bool) -> Result<(), String> {
        let Some(url) = self.health.get(&service) else {
            return Err("its address is not in the target file, so nothing tells whether it is up".into());
        };
        let deadline = Instant::now() + self.patience;
        loop {
            let answer = self.http.get(url).send_within(ANSWER_LIMIT).await;
            let last = match &answer {
                Ok(response) => format!("answered {}", response.status()),
                Err(_) => "did not answer".to_owned(),
            };
            if answer.is_ok_and(|response| response.status() == 200) == wanted {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("{url} still {last} {} s after the command", self.patience.as_secs()));
            }
            sleep(PAUSE).await;
        }
    }

    /// A process that was sent a signal may still be about to end, and whoever starts it would find it running.
    async fn until_ended(&self, service: Service) {
        let signalled = self.signalled.lock().expect("nothing panics while it holds this lock").remove(&service);
        let Some(pid) = signalled else {
            return;
        };
        let deadline = Instant::now() + self.patience;
        while is_running(pid) && Instant::now() < deadline {
            sleep(PAUSE).await;
        }
        if is_running(pid) {
            // It does not end by itself; where this fails, the start tells.
            let _ = run(&self.stop, service).await;
        }
    }

    async fn find_pid(&self, service: Service) -> Result<u32, String> {
        let Some(command) = &self.pid else {
            return Err("the target file has no `pid` command in [control]; add one that prints the process id".into());
        };
        let (errand, process) = Errand::new(&filled_in(command, service)[0]);
        let printed = output(process, Errand::start, command, service).await?;
        errand.is_over();
        let pid = printed.trim().parse().map_err(|_| {
            format!("`{}` was to print a process id and printed {:?}", line(command, service), printed.trim())
        })?;
        if is_nobodys_service(pid) {
            return Err(format!("`{}` printed {pid}, which is no process of a service", line(command, service)));
        }
        Ok(pid)
    }
}

impl Control for Commands {
    fn stop(&self, service: Service) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move {
            let done = async {
                run(&self.stop, service).await?;
                self.until_healthy(service, false).await
            };
            done.await.map_err(|reason| CannotControl::new("stop", service, reason))
        })
    }

    fn start(&self, service: Service) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move {
            let done = async {
                self.until_ended(service).await;
                run(&self.start, service).await?;
                self.until_healthy(service, true).await
            };
            done.await.map_err(|reason| CannotControl::new("start", service, reason))
        })
    }

    fn knows_pids(&self) -> bool {
        self.pid.is_some()
    }

    fn pid(&self, service: Service) -> Boxed<'_, Result<u32, CannotControl>> {
        Box::pin(async move {
            self.find_pid(service).await.map_err(|reason| CannotControl::new("find the process of", service, reason))
        })
    }

    fn grants(&self, power: Power) -> bool {
        power == Power::Signal && self.pid.is_some()
    }

    fn signal(&self, service: Service, signal: Signal) -> Boxed<'_, Result<(), CannotControl>> {
        Box::pin(async move {
            let cannot = |reason: String| CannotControl::new("signal", service, reason);
            let pid = self.find_pid(service).await.map_err(cannot)?;
            self.signalled.lock().expect("nothing panics while it holds this lock").insert(service, pid);
            send(pid, signal).map_err(|error| cannot(format!("process {pid}: {error}")))
        })
    }

    /// Whose child it is, is told how it ended; we only see that it is gone.
    fn ended(&self, service: Service, within: Duration) -> Boxed<'_, Result<Value, CannotControl>> {
        Box::pin(async move {
            let known = self.signalled.lock().expect("nothing panics while it holds this lock").get(&service).copied();
            let pid = match known {
                Some(pid) => pid,
                None => self.pid(service).await?,
            };
            let deadline = Instant::now() + within;
            loop {
                if !is_running(pid) {
                    return Ok(json!({"gone": true}));
                }
                if Instant::now() >= deadline {
                    return Ok(Value::Null);
                }
                sleep(PAUSE).await;
            }
        })
    }
}

fn send(pid: u32, signal: Signal) -> Result<(), rustix::io::Errno> {
    let signal = match signal {
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Interrupt => rustix::process::Signal::INT,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).ok_or(rustix::io::Errno::SRCH)?;
    rustix::process::kill_process(pid, signal)
}

/// Runs a command for a service; what it starts may go on.
async fn run(command: &[String], service: Service) -> Result<(), String> {
    let process = Command::new(&filled_in(command, service)[0]);
    let start = async |mut process: Command| process.kill_on_drop(true).spawn();
    output(process, start, command, service).await.map(drop)
}

/// What a command for a service prints, once it has ended well.
async fn output(
    mut process: Command,
    start: impl AsyncFnOnce(Command) -> io::Result<Child>,
    command: &[String],
    service: Service,
) -> Result<String, String> {
    let shown = line(command, service);
    process.args(&filled_in(command, service)[1..]);
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = async {
        let mut child = start(process).await?;
        let (printed, said) = (Beginning::of(child.stdout.take()), Beginning::of(child.stderr.take()));
        let status = child.wait().await?;
        io::Result::Ok((printed.told().await, said.told().await, status))
    };
    let (printed, said, status) = timeout(COMMAND_LIMIT, running)
        .await
        .map_err(|_| format!("`{shown}` did not end within {} s", COMMAND_LIMIT.as_secs()))?
        .map_err(|error| format!("`{shown}` could not be run: {error}"))?;
    if status.success() { Ok(printed) } else { Err(format!("`{shown}` failed ({status}): {}", said.trim())) }
}

/// The beginning of what a program writes. The rest is read as well, so that the program is not held up, and forgotten;
/// so is what a service writes that the program has left in the background, for as long as the harness runs.
struct Beginning {
    kept: Arc<Mutex<Vec<u8>>>,
    reading: JoinHandle<()>,
}

impl Beginning {
    fn of(stream: Option<impl AsyncRead + Unpin + Send + 'static>) -> Beginning {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeping = kept.clone();
        let reading = tokio::spawn(async move {
            let Some(mut stream) = stream else { return };
            let mut some = vec![0; 8 << 10];
            while let Ok(count @ 1..) = stream.read(&mut some).await {
                let mut kept = keeping.lock().expect("nothing panics while it holds this lock");
                let room = MOST_READ - kept.len();
                kept.extend_from_slice(&some[..count.min(room)]);
            }
        });
        Beginning { kept, reading }
    }

    /// What was kept, soon after the program has ended: its streams end with it, or belong to a service now.
    async fn told(self) -> String {
        let _ = timeout(LAST_WORDS, self.reading).await;
        String::from_utf8_lossy(&self.kept.lock().expect("nothing panics while it holds this lock")).into_owned()
    }
}

fn filled_in(command: &[String], service: Service) -> Vec<String> {
    command.iter().map(|word| word.replace("{service}", service.short()).replace("{name}", service.name())).collect()
}

fn line(command: &[String], service: Service) -> String {
    filled_in(command, service).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    fn words(command: &str, folder: &Path) -> Vec<String> {
        let command = command.replace("FOLDER", &folder.display().to_string());
        command.split(' ').map(str::to_owned).collect()
    }

    /// A health route that answers 200 while a file exists; the commands make and remove that file.
    async fn service(test: &str, stop: &str, start: &str, pid: &str) -> (Commands, PathBuf) {
        let folder = std::env::temp_dir().join(format!("commands-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let up = folder.join("auth");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/health", listener.local_addr().unwrap());
        let file = up.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 1024]).await;
                let status = if file.exists() { "200 OK" } else { "503 Service Unavailable" };
                let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(reply.as_bytes()).await;
            }
        });
        let [stop, start, pid] = [stop, start, pid].map(|command| words(command, &folder));
        let health = BTreeMap::from([(Service::Auth, url)]);
        let mut commands = Commands::new(stop, start, Some(pid), health, &Trust::in_nobody());
        commands.patience = Duration::from_millis(200);
        (commands, folder)
    }

    #[tokio::test]
    async fn commands_act_on_the_service_and_their_effect_is_waited_for() {
        let (start, stop) = ("touch FOLDER/{service}", "rm FOLDER/{service}");
        let (commands, folder) = service("effect", stop, start, "printf 4711\\n%.0s {name}").await;
        commands.start(Service::Auth).await.unwrap();
        assert!(folder.join("auth").exists());
        assert_eq!(commands.pid(Service::Auth).await.unwrap(), 4711);
        commands.stop(Service::Auth).await.unwrap();
        assert!(!folder.join("auth").exists());

        let failed = commands.stop(Service::Auth).await.unwrap_err().to_string();
        assert!(failed.contains("could not stop auth-service: `rm ") && failed.contains("No such file"), "{failed}");
        let elsewhere = commands.start(Service::Git).await.unwrap_err().to_string();
        assert!(elsewhere.contains("address is not in the target file"), "{elsewhere}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn a_service_in_the_background_may_keep_the_streams_of_its_start() {
        let (commands, folder) = service("background", "true {name}", "sh FOLDER/start {service}", "echo {name}").await;
        let script = format!(
            "cd {}; (touch $1; for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done; touch spoke) &",
            folder.display()
        );
        std::fs::write(folder.join("start"), script).unwrap();
        let began = Instant::now();
        commands.start(Service::Auth).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        // What it writes after that is still read, so that it is not ended by a broken pipe.
        for _ in 0..200 {
            if folder.join("spoke").exists() {
                break;
            }
            sleep(PAUSE).await;
        }
        assert!(folder.join("spoke").exists());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn a_command_without_effect_is_no_success() {
        let (commands, folder) = service("idle", "true {name}", "true {name}", "echo {name}").await;
        let start = commands.start(Service::Auth).await.unwrap_err().to_string();
        assert!(start.contains("could not start") && start.contains("503"), "{start}");
        std::fs::write(folder.join("auth"), "").unwrap();
        let stop = commands.stop(Service::Auth).await.unwrap_err().to_string();
        assert!(stop.contains("could not stop") && stop.contains("200"), "{stop}");
        let pid = commands.pid(Service::Auth).await.unwrap_err().to_string();
        assert!(pid.contains("auth-service") && pid.contains("process id"), "{pid}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn of_a_command_that_prints_and_prints_the_beginning_is_kept() {
        let endless = ["sh", "-c", "head -c 50000000 /dev/zero >&2; exit 1", "{name}"].map(str::to_owned);
        let told = run(&endless, Service::Auth).await.unwrap_err();
        assert!(told.contains("failed (exit status: 1)") && told.len() < 2 * MOST_READ, "{}", told.len());
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let (commands, folder) = service("absent", "no-such-program {name}", "true {name}", "true {name}").await;
        let stop = commands.stop(Service::Auth).await.unwrap_err().to_string();
        assert!(stop.contains("`no-such-program auth-service` could not be run"), "{stop}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
