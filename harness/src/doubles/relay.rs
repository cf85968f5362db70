//! A relay before a server: it hands on every byte, until it is cut.

use crate::target::Relay;
use std::io;
use std::net::Ipv4Addr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The relay at work. Dropping it ends it and all its connections.
#[derive(Debug)]
pub struct RunningRelay {
    task: JoinHandle<()>,
}

impl RunningRelay {
    /// Listens on a loopback port and hands on to `host:behind`.
    pub async fn start(port: u16, host: String, behind: u16, relay: Relay) -> io::Result<RunningRelay> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(RunningRelay { task: tokio::spawn(serve(listener, host, behind, relay)) })
    }
}

impl Drop for RunningRelay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, host: String, behind: u16, relay: Relay) {
    // The set ends its tasks when it is dropped, together with this one.
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        relay.arrived();
        let mut cut = relay.watch();
        if *cut.borrow_and_update() {
            // Closed at once: whoever came sees a connection that breaks off.
            continue;
        }
        let host = host.clone();
        connections.spawn(async move {
            let Ok(mut far) = TcpStream::connect((host.as_str(), behind)).await else { return };
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = cut.wait_for(|cut| *cut) => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::ports::Ports;
    use std::time::Instant;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_cut_breaks_what_is_there_and_what_comes() {
        let behind = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let far = behind.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = behind.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        let free = Ports::default().take().unwrap();
        let relay = Relay::default();
        let before = Instant::now();
        let _running = RunningRelay::start(free, "127.0.0.1".into(), far, relay.clone()).await.unwrap();

        let mut one = TcpStream::connect((Ipv4Addr::LOCALHOST, free)).await.unwrap();
        one.write_all(b"x").await.unwrap();
        assert_eq!(one.read_u8().await.unwrap(), b'x');
        relay.cut();
        assert!(one.read_u8().await.is_err());
        let mut two = TcpStream::connect((Ipv4Addr::LOCALHOST, free)).await.unwrap();
        assert!(two.read_u8().await.is_err());
        relay.mend();
        let mut three = TcpStream::connect((Ipv4Addr::LOCALHOST, free)).await.unwrap();
        three.write_all(b"y").await.unwrap();
        assert_eq!(three.read_u8().await.unwrap(), b'y');
        assert_eq!(relay.arrivals_since(before).len(), 3);
    }
}
