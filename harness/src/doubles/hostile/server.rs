//! A hostile server on loopback.

use super::{Hostile, answers, log};
use crate::doubles::worthless::request;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A server of one kind, until it is dropped.
#[derive(Debug)]
pub struct HostileServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HostileServer {
    /// Starts one, which logs to a file if it is given one.
    ///
    /// # Errors
    /// Where loopback gives no port.
    pub async fn start(kind: Hostile, log: Option<PathBuf>) -> io::Result<HostileServer> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let log = log.map(Arc::<std::path::Path>::from);
        let task = tokio::spawn(async move {
            // The set ends its tasks when it is dropped, together with this one.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let log = log.clone();
                connections.spawn(async move {
                    let _ = serve(kind, stream, log).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(HostileServer { address, task })
    }

    /// Its base URL.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(kind: Hostile, mut stream: TcpStream, log: Option<Arc<std::path::Path>>) -> io::Result<()> {
    if kind == Hostile::ResetsAtOnce {
        return stream.set_zero_linger();
    }
    while let Some(request) = request(&mut stream).await? {
        if let Some(log) = &log {
            log::write(kind, log, &request)?;
        }
        let text = String::from_utf8_lossy(&request);
        let path = text.split(' ').nth(1).unwrap_or("/").to_owned();
        if !answers::answer(kind, &text, &path, &mut stream).await? {
            // A reset and no orderly end.
            return stream.set_zero_linger();
        }
        if kind == Hostile::BrokenChunks {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(())
}
