//! Worthless servers: what a suite must never mistake for a system.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One way of being worthless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worthless {
    /// Refuses connections.
    Refuses,
    /// Accepts connections and never answers.
    Mute,
    /// Accepts connections and closes them at once.
    HangsUp,
    /// Answers every request with this status and an empty JSON object.
    Always(u16),
    /// Answers 200 with `{"status": "healthy"}` to everything.
    AlwaysHealthy,
    /// Answers 200 with what was sent, as if it were the answer.
    Echo,
    /// Redirects every path to itself.
    RedirectCircle,
    /// Answers 200 with a body that never ends.
    EndlessBody,
    /// Promises a longer body than it sends.
    BrokenBody,
    /// Answers in a protocol of its own.
    NotHttp,
    /// Answers as [`Worthless::AlwaysHealthy`] does, after so many milliseconds.
    Late(u64),
}

impl Worthless {
    /// All kinds that are worthless each in a way of its own.
    pub const ALL: [Worthless; 14] = [
        Worthless::Refuses,
        Worthless::Mute,
        Worthless::HangsUp,
        Worthless::Always(200),
        Worthless::Always(204),
        Worthless::Always(401),
        Worthless::Always(404),
        Worthless::Always(500),
        Worthless::AlwaysHealthy,
        Worthless::Echo,
        Worthless::RedirectCircle,
        Worthless::EndlessBody,
        Worthless::BrokenBody,
        Worthless::NotHttp,
    ];

    /// What it does, in words.
    pub fn what(self) -> &'static str {
        match self {
            Worthless::Refuses => "refuses connections",
            Worthless::Mute => "never answers",
            Worthless::HangsUp => "hangs up",
            Worthless::Always(200) => "answers 200 to everything",
            Worthless::Always(204) => "answers 204 to everything",
            Worthless::Always(401) => "answers 401 to everything",
            Worthless::Always(404) => "answers 404 to everything",
            Worthless::Always(_) => "answers 500 to everything",
            Worthless::AlwaysHealthy => "claims to be healthy whatever is asked",
            Worthless::Echo => "echoes what is sent",
            Worthless::RedirectCircle => "redirects in a circle",
            Worthless::EndlessBody => "sends a body that never ends",
            Worthless::BrokenBody => "breaks its bodies off",
            Worthless::NotHttp => "does not speak HTTP",
            Worthless::Late(_) => "claims to be healthy and takes its time",
        }
    }
}

/// A worthless server on loopback, until it is dropped.
pub struct WorthlessServer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: Option<JoinHandle<()>>,
}

impl Drop for WorthlessServer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl WorthlessServer {
    /// Starts one.
    ///
    /// # Errors
    /// Where loopback gives no port.
    pub async fn start(kind: Worthless) -> io::Result<WorthlessServer> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let connections = Arc::<AtomicUsize>::default();
        if kind == Worthless::Refuses {
            return Ok(WorthlessServer { address, connections, task: None });
        }
        let count = connections.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let _ = serve(kind, stream).await;
                });
            }
        });
        Ok(WorthlessServer { address, connections, task: Some(task) })
    }

    /// How many connections it has accepted so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Its base URL.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(kind: Worthless, mut stream: TcpStream) -> io::Result<()> {
    if kind == Worthless::HangsUp {
        return Ok(());
    }
    while let Some(request) = request(&mut stream).await? {
        answer(kind, &request, &mut stream).await?;
    }
    Ok(())
}

/// Reads one request, head and body together; `None` where the client has gone.
pub(super) async fn request(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Ok(Some(bytes));
            }
        }
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk[..read]);
    }
}

async fn answer(kind: Worthless, request: &[u8], stream: &mut TcpStream) -> io::Result<()> {
    let json = |status: u16, body: &str| {
        format!(
            "HTTP/1.1 {status} Whatever\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    };
    let bytes = match kind {
        Worthless::Mute => return std::future::pending().await,
        Worthless::Always(204) => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        Worthless::Always(status) => json(status, "{}"),
        Worthless::Late(ms) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            json(200, r#"{"status":"healthy"}"#)
        }
        Worthless::AlwaysHealthy => json(200, r#"{"status":"healthy"}"#),
        Worthless::Echo => {
            let body = request.windows(4).position(|four| four == b"\r\n\r\n");
            let body = body.map_or(&[][..], |end| &request[end + 4..]);
            json(200, &String::from_utf8_lossy(body))
        }
        Worthless::RedirectCircle => {
            let line = String::from_utf8_lossy(request);
            let path = line.split(' ').nth(1).unwrap_or("/").to_owned();
            format!("HTTP/1.1 307 Again\r\nlocation: {path}\r\ncontent-length: 0\r\n\r\n").into_bytes()
        }
        Worthless::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'['; 1 << 16]).await?;
            }
        }
        Worthless::BrokenBody => {
            stream
                .write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"status\":",
                )
                .await?;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Worthless::NotHttp => b"220 welcome to another protocol\r\n".to_vec(),
        Worthless::Refuses | Worthless::HangsUp => return Ok(()),
    };
    stream.write_all(&bytes).await
}
