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
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

/// A child to be started, and where the answer goes.
struct Order {
    command: Command,
    death: Signal,
    answer: oneshot::Sender<io::Result<Child>>,
}

/// Starts the command in a process group of its own; the child gets the signal when the harness is gone.
///
/// Its own group keeps a Ctrl-C at the terminal from it: the harness decides in which order things end.
pub async fn spawn(command: Command, death: Signal) -> io::Result<Child> {
    let (answer, answered) = oneshot::channel();
    let order = Order { command, death, answer };
    spawner()?.send(order).map_err(|_| io::Error::other("the thread that starts processes has ended"))?;
    answered.await.map_err(|_| io::Error::other("the thread that starts processes has ended"))?
}

/// The way to the one thread that starts all children. The death signal comes when the *thread* that started a child
/// ends, so it must be one that lives as long as the process, and none of tokio's, which come and go.
fn spawner() -> io::Result<&'static Sender<Order>> {
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    if let Some(spawner) = SPAWNER.get() {
        return Ok(spawner);
    }
    let (orders, receiver) = channel();
    // Of two first callers one loses: its thread finds its channel closed and ends, having started nothing.
    std::thread::Builder::new().name("spawner".into()).spawn(move || serve(&receiver))?;
    Ok(SPAWNER.get_or_init(|| orders))
}

fn serve(orders: &Receiver<Order>) {
    while let Ok(mut order) = orders.recv() {
        order.command.process_group(0);
        die_with_parent(&mut order.command, order.death);
        let started = order.command.spawn();
        if let Err(Ok(mut orphan)) = order.answer.send(started) {
            // Whoever asked has been cancelled and will never stop this child.
            let _ = orphan.kill();
            let _ = orphan.wait();
        }
    }
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
