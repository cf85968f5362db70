//! Waits until something answers: asked again and again, never assumed after a pause.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long something may take to become ready before the harness gives up.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(4);

/// What one try came to.
#[derive(Debug)]
pub enum Attempt<T> {
    /// It is ready.
    Ready(T),
    /// Not yet, and why.
    NotYet(String),
    /// It will never be, and why: its process has ended.
    Hopeless(String),
}

/// It did not become ready.
#[derive(Debug)]
pub struct GaveUp {
    /// How long it was given.
    pub waited: Duration,
    /// What the last try came to.
    pub last: String,
}

/// Tries until it is ready, hopeless, or patience ends. A try that hangs is cut off when patience ends.
pub async fn until<T, F: Future<Output = Attempt<T>>>(
    patience: Duration,
    mut attempt: impl FnMut() -> F,
) -> Result<T, GaveUp> {
    let begun = Instant::now();
    let mut last = String::from("no answer");
    loop {
        let left = patience.saturating_sub(begun.elapsed());
        let hopeless = match tokio::time::timeout(left, attempt()).await {
            Ok(Attempt::Ready(found)) => return Ok(found),
            Ok(Attempt::NotYet(why)) => {
                last = why;
                false
            }
            Ok(Attempt::Hopeless(why)) => {
                last = why;
                true
            }
            Err(_) => true,
        };
        let waited = begun.elapsed();
        // Asked of the clock as well: a try that fails at once is never cut off.
        if hopeless || waited >= patience {
            return Err(GaveUp { waited, last });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks a service of this machine for its health; an error says what came instead of an answer.
///
/// Whether the answer is the right one is for the checks to say, so that a service that answers wrongly gets a verdict
/// and not "no target".
///
/// A raw exchange on a connection of its own: no pool and no proxy setting can stand between.
pub async fn health(port: u16, path: &str) -> Result<(), String> {
    match tokio::time::timeout(Duration::from_secs(1), status_line(port, path)).await {
        Ok(Ok(line)) if line.starts_with("HTTP/1.") => Ok(()),
        Ok(Ok(line)) => Err(format!("GET {path} was answered `{line}`")),
        Ok(Err(error)) => Err(format!("GET {path} on port {port}: {error}")),
        Err(_) => Err(format!("GET {path} was not answered within a second")),
    }
}

async fn status_line(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn served(reply: &'static str) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            stream.write_all(reply.as_bytes()).await.unwrap();
        });
        port
    }

    #[tokio::test]
    async fn whatever_answers_is_ready() {
        for reply in ["HTTP/1.1 200 OK\r\n\r\n{}", "HTTP/1.1 503 Service Unavailable\r\n\r\n"] {
            let port = served(reply).await;
            assert_eq!(health(port, "/health").await, Ok(()));
        }
        let other = served("220 another protocol\r\n").await;
        let why = health(other, "/health").await.unwrap_err();
        assert!(why.contains("another protocol"), "{why}");
    }

    #[tokio::test]
    async fn the_last_reason_is_told_when_patience_ends() {
        let never = || async { Attempt::<()>::NotYet("still asleep".into()) };
        let gave_up = until(Duration::from_millis(30), never).await.unwrap_err();
        assert_eq!(gave_up.last, "still asleep");
        assert!(gave_up.waited >= Duration::from_millis(30));
    }

    #[tokio::test]
    async fn what_is_hopeless_is_not_waited_for() {
        let dead = || async { Attempt::<()>::Hopeless("it has ended".into()) };
        let gave_up = until(Duration::from_secs(60), dead).await.unwrap_err();
        assert!(gave_up.waited < Duration::from_secs(5));
    }
}
