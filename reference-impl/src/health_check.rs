//! `autograph health SERVICE`: asks a service for its health as a container engine would, without curl or a shell.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::Settings;
use crate::service::Service;

/// How long the answer is waited for; an engine's own limit is longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The service is not well.
#[derive(Debug, thiserror::Error)]
pub enum Unwell {
    /// It does not answer.
    #[error("{service} does not answer at port {port}: {source}")]
    Silent {
        /// Which one.
        service: Service,
        /// Where it was asked.
        port: u16,
        /// What happened instead.
        source: io::Error,
    },
    /// It answers, and not with 200.
    #[error("{service} answers {line:?} at port {port}")]
    Other {
        /// Which one.
        service: Service,
        /// Where it was asked.
        port: u16,
        /// The first line of the answer.
        line: String,
    },
}

/// Asks `service` on this machine; an answer other than 200 is as bad as none.
pub async fn ask(service: Service, settings: &Settings) -> Result<(), Unwell> {
    let port = settings.place(service).port;
    let silent = |source| Unwell::Silent { service, port, source };
    let answer = tokio::time::timeout(PATIENCE, first_line(port, service.health_path())).await;
    let line = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(silent)?;
    match line.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(Unwell::Other { service, port, line }),
    }
}

async fn first_line(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn asked(answer: &'static str) -> Result<(), Unwell> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 512]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        let settings = Settings::read(|name| (name == "GIT_SERVICE_PORT").then(|| port.to_string())).unwrap();
        ask(Service::Git, &settings).await
    }

    #[tokio::test]
    async fn only_200_is_well() {
        assert!(asked("HTTP/1.1 200 OK\r\n\r\n").await.is_ok());
        assert!(asked("HTTP/1.1 503 Service Unavailable\r\n\r\n").await.is_err());
        assert!(asked("").await.is_err());
    }
}
