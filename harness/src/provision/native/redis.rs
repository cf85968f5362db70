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
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Starts it and returns once it has answered PING.
pub async fn start(run: &Run, program: &RedisProgram, stack: &str) -> Result<RedisServer, ProvisionError> {
    let port = run.ports.take()?;
    let log = run.directory.join(format!("redis-{stack}-{port}.log"));
    let mut command = Command::new(&program.path);
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .current_dir(&run.directory)
        .env_clear();
    log_file::attach(&mut command, &log)?;
    let process = Process::start(&run.reaper, "redis", command, Signal::KILL).await?;
    until(PATIENCE, || ping(&process, port)).await.map_err(|gave_up| ProvisionError::ServerNotReady {
        server: "redis",
        waited: gave_up.waited,
        last: gave_up.last,
        log: log_file::tail(&log),
    })?;
    Ok(RedisServer {
        access: RedisAccess { host: Ipv4Addr::LOCALHOST.to_string(), port, password: None },
        running: Box::new(Redis(process)),
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

struct Redis(Process);

impl Running for Redis {
    /// Nothing in it is worth a farewell.
    fn stop(self: Box<Self>) -> Boxed<'static, ()> {
        Box::pin(async move { self.0.stop(Signal::KILL, Duration::from_secs(1)).await })
    }
}
