//! Starts child processes that die with the harness, however it dies.
#![allow(
    unsafe_code,
    reason = "a parent-death signal can only be asked for between fork and exec, in `pre_exec`, which is unsafe; \
              the closure makes two system calls and allocates nothing"
)]

use rustix::process::Signal;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;

/// Something to be done on the thread that starts processes.
type Order = Box<dyn FnOnce() + Send>;

/// Starts the command in a process group of its own; the child gets the signal when the harness is gone.
///
/// Its own group keeps a Ctrl-C at the terminal from it: the harness decides in which order things end.
pub async fn spawn(mut command: Command, death: Signal) -> io::Result<Child> {
    let abandon = |mut orphan: Child| {
        let _ = orphan.kill();
        let _ = orphan.wait();
    };
    on_the_spawner(move || prepared(&mut command, death).spawn(), abandon).await
}

/// As [`spawn`], for a command whose end is awaited; it is killed where nobody waits any more.
pub async fn spawn_awaited(mut command: tokio::process::Command, death: Signal) -> io::Result<tokio::process::Child> {
    let runtime = tokio::runtime::Handle::current();
    command.kill_on_drop(true);
    let start = move || {
        let _within = runtime.enter();
        prepared(command.as_std_mut(), death);
        command.spawn()
    };
    on_the_spawner(start, drop).await
}

fn prepared(command: &mut Command, death: Signal) -> &mut Command {
    command.process_group(0);
    die_with_parent(command, death);
    command
}

/// Starts a child there. Whoever asked may have been cancelled and will never stop it: then it is abandoned.
async fn on_the_spawner<C: Send + 'static>(
    start: impl FnOnce() -> io::Result<C> + Send + 'static,
    abandon: impl FnOnce(C) + Send + 'static,
) -> io::Result<C> {
    let (answer, answered) = oneshot::channel();
    let order = Box::new(move || {
        if let Err(Ok(orphan)) = answer.send(start()) {
            abandon(orphan);
        }
    });
    let ended = || io::Error::other("the thread that starts processes has ended");
    spawner()?.send(order).map_err(|_| ended())?;
    answered.await.map_err(|_| ended())?
}

/// The way to the one thread that starts all children. The death signal comes when the *thread* that started a child
/// ends, so it must be one that lives as long as the process, and none of tokio's, which come and go.
fn spawner() -> io::Result<&'static Sender<Order>> {
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    if let Some(spawner) = SPAWNER.get() {
        return Ok(spawner);
    }
    let (orders, receiver) = channel::<Order>();
    // Of two first callers one loses: its thread finds its channel closed and ends, having started nothing.
    let serve = move || receiver.into_iter().for_each(|order| order());
    std::thread::Builder::new().name("spawner".into()).spawn(serve)?;
    Ok(SPAWNER.get_or_init(|| orders))
}

#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command, death: Signal) {
    let parent = rustix::process::getpid();
    let ask = move || {
        rustix::process::set_parent_process_death_signal(Some(death))?;
        // The parent may have died before the signal was asked for.
        match rustix::process::getppid() {
            Some(now) if now == parent => Ok(()),
            _ => Err(io::Error::from(rustix::io::Errno::SRCH)),
        }
    };
    // SAFETY: the closure only makes system calls that are allowed between fork and exec.
    unsafe { command.pre_exec(ask) };
}

/// Elsewhere the reaper is the only safeguard.
#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command, _death: Signal) {}
