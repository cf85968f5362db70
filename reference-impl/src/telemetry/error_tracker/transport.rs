//! The way of events to the tracker: a short queue and one task that posts, so that no request ever waits for it.

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use sentry::types::Dsn;
use sentry::{Envelope, Transport};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

/// Events that wait to be sent. More than that are dropped: a flood of errors must not fill the memory.
const MOST_WAITING: usize = 100;
/// How long the tracker may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long nothing is sent to a tracker that has had enough and does not say until when.
const PAUSE: Duration = Duration::from_secs(60);
/// What the tracker is told of who sends.
const AGENT: &str = concat!("autograph/", env!("CARGO_PKG_VERSION"));

enum Task {
    Send(Box<Envelope>),
    /// Answered once everything before it is sent.
    Flush(std::sync::mpsc::SyncSender<()>),
}

/// The queue. Dropping it ends the task that posts.
pub(super) struct Queue(mpsc::Sender<Task>);

impl Queue {
    /// A queue to the tracker at `dsn`.
    pub fn to(dsn: &Dsn) -> Queue {
        let (queue, mut tasks) = mpsc::channel(MOST_WAITING);
        let mut post = Post::to(dsn);
        tokio::spawn(async move {
            while let Some(task) = tasks.recv().await {
                match task {
                    Task::Send(envelope) => post.send(&envelope).await,
                    // Whoever asked may have gone.
                    Task::Flush(done) => drop(done.send(())),
                }
            }
        });
        Queue(queue)
    }
}

impl Transport for Queue {
    fn send_envelope(&self, envelope: Envelope) {
        let _ = self.0.try_send(Task::Send(Box::new(envelope)));
    }

    fn flush(&self, limit: Duration) -> bool {
        let (done, wait) = std::sync::mpsc::sync_channel(1);
        self.0.try_send(Task::Flush(done)).is_ok() && wait.recv_timeout(limit).is_ok()
    }
}

/// What posts envelopes, one after another.
struct Post {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    auth: String,
    /// Until then nothing is sent, as the tracker has asked.
    paused_until: Option<Instant>,
    /// Whether the last one failed, so that an outage is told once.
    away: bool,
}

impl Post {
    fn to(dsn: &Dsn) -> Post {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Post {
            client: Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector),
            url: dsn.envelope_api_url().to_string(),
            auth: dsn.to_auth(Some(AGENT)).to_string(),
            paused_until: None,
            away: false,
        }
    }

    async fn send(&mut self, envelope: &Envelope) {
        if self.paused_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        let outcome = self.post(envelope).await;
        // Never at ERROR, for that would be the next thing to send.
        match &outcome {
            Err(reason) if !self.away => warn!(reason, "Error tracker does not take errors, they are in this log only"),
            Ok(()) if self.away => info!("Error tracker takes errors again"),
            _ => {}
        }
        self.away = outcome.is_err();
    }

    async fn post(&mut self, envelope: &Envelope) -> Result<(), String> {
        let mut body = Vec::new();
        envelope.to_writer(&mut body).map_err(|error| error.to_string())?;
        let uri: Uri = self.url.parse().map_err(|error: hyper::http::uri::InvalidUri| error.to_string())?;
        let request = Request::post(uri)
            .header("x-sentry-auth", &self.auth)
            .header(CONTENT_TYPE, "application/x-sentry-envelope")
            .body(Full::from(body))
            .map_err(|error| error.to_string())?;
        let answer = timeout(ANSWER_TIMEOUT, self.client.request(request)).await;
        let answer = answer.map_err(|_| format!("no answer within {ANSWER_TIMEOUT:?}"))?;
        let answer = answer.map_err(|error| crate::error::whole_story(&error))?;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            let pause = answer.headers().get(RETRY_AFTER).and_then(seconds).unwrap_or(PAUSE);
            self.paused_until = Some(Instant::now() + pause);
        }
        if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
    }
}

fn seconds(header: &HeaderValue) -> Option<Duration> {
    header.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sentry::protocol::Event;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn flushed(queue: Arc<Queue>, limit: Duration) -> bool {
        tokio::task::spawn_blocking(move || queue.flush(limit)).await.unwrap()
    }

    fn event() -> Envelope {
        Event { message: Some("it broke".into()), ..Event::default() }.into()
    }

    #[tokio::test]
    async fn an_event_arrives_with_the_key_before_the_flush_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dsn = format!("http://key@{}/7", listener.local_addr().unwrap());
        let tracker = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; 8192];
            let length = stream.read(&mut heard).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
            String::from_utf8_lossy(&heard[..length]).into_owned()
        });
        let queue = Arc::new(Queue::to(&dsn.parse().unwrap()));
        queue.send_envelope(event());
        assert!(flushed(queue, Duration::from_secs(5)).await);
        let heard = tracker.await.unwrap();
        assert!(heard.starts_with("POST /api/7/envelope/"), "{heard}");
        assert!(heard.contains("sentry_key=key") && heard.contains("it broke"), "{heard}");
    }

    #[tokio::test]
    async fn a_tracker_that_is_away_holds_nobody_up() {
        let queue = Arc::new(Queue::to(&"http://key@127.0.0.1:1/7".parse().unwrap()));
        for _ in 0..10 * MOST_WAITING {
            queue.send_envelope(event());
        }
        // The queue may still be full, and then the flush gives up at once.
        flushed(queue.clone(), Duration::from_secs(5)).await;
        assert!(flushed(queue, Duration::from_secs(5)).await);
    }
}
