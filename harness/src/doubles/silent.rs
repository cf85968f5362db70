//! A service that is there and says nothing.

use std::io;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Accepts every connection on a loopback port, reads nothing and never answers. Dropping it closes them all.
#[derive(Debug)]
pub struct Silent {
    task: JoinHandle<()>,
}

impl Silent {
    /// Begins to listen.
    pub async fn on(port: u16) -> io::Result<Silent> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let task = tokio::spawn(async move {
            // Kept, for a connection that is dropped is closed, and that would be an answer.
            let mut kept = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                kept.push(stream);
            }
        });
        Ok(Silent { task })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::ports::Ports;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn a_request_is_taken_and_never_answered() {
        let port = Ports::default().take().unwrap();
        let _silent = Silent::on(port).await.unwrap();

        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = [0; 1];
        let read = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut answer)).await;
        assert!(read.is_err(), "it answered or closed: {read:?}");
    }
}
