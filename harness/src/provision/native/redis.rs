//! A Redis for one stack, in memory only.

use super::programs::RedisProgram;
use crate::provision::error::ProvisionError;
use crate::provision::log_file;
use crate::provision::process::Process;
use crate::provision::readiness::{Attempt, PATIENCE, until};
use crate::provision::run::Run;
use crate::provision::servers::{RedisServer, Running};
use crate::target::{Boxed, RedisAccess};
use rustix::process::Signal;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// Starts it and returns once it has answered PING.
pub async fn start(run: &Arc<Run>, program: &RedisProgram, stack: &str) -> Result<RedisServer, ProvisionError> {
    let port = run.ports.take()?;
    let log = run.directory.join(format!("redis-{stack}-{port}.log"));
    let redis = Redis { run: run.clone(), program: program.path.clone(), port, log, process: Mutex::new(None) };
    redis.launch().await?;
    Ok(RedisServer {
        access: RedisAccess { host: Ipv4Addr::LOCALHOST.to_string(), port, password: None, tls: false },
        running: Box::new(redis),
    })
}

async fn ping(process: &Process, port: u16) -> Attempt<()> {
    if let Some(status) = process.ended() {
        return Attempt::Hopeless(format!("it ended with {status}"));
    }
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    match ask.await {
        Ok(answer) if answer == *b"+PONG\r\n" => Attempt::Ready(()),
        Ok(answer) => Attempt::NotYet(format!("PING was answered {:?}", answer.escape_ascii().to_string())),
        Err(error) => Attempt::NotYet(format!("PING: {error}")),
    }
}

struct Redis {
    run: Arc<Run>,
    program: PathBuf,
    port: u16,
    log: PathBuf,
    process: Mutex<Option<Process>>,
}

impl Redis {
    async fn launch(&self) -> Result<(), ProvisionError> {
        let mut command = Command::new(&self.program);
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .current_dir(&self.run.directory)
            .env_clear();
        log_file::attach(&mut command, &self.log)?;
        let process = Process::start(&self.run.reaper, "redis", command, Signal::KILL).await?;
        let ready = until(PATIENCE, || ping(&process, self.port)).await;
        *self.process.lock().await = Some(process);
        ready.map_err(|gave_up| ProvisionError::ServerNotReady {
            server: "redis",
            waited: gave_up.waited,
            last: gave_up.last,
            log: log_file::tail(&self.log),
        })
    }

    /// Nothing in it is worth a farewell.
    async fn end(&self) {
        if let Some(process) = self.process.lock().await.take() {
            process.stop(Signal::KILL, Duration::from_secs(1)).await;
        }
    }
}

impl Running for Redis {
    fn stop(self: Box<Self>) -> Boxed<'static, ()> {
        Box::pin(async move { self.end().await })
    }

    fn pause(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async {
            self.end().await;
            Ok(())
        })
    }

    fn resume(&self) -> Boxed<'_, Result<(), String>> {
        Box::pin(async { self.launch().await.map_err(|error| error.to_string()) })
    }
}
