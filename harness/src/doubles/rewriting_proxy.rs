//! A proxy before a service that changes what passes on some paths and hands on everything else as it is.

use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

type Problem = Box<dyn Error + Send + Sync>;
type Reply = Response<Either<Incoming, Full<Bytes>>>;

/// What becomes of some exchanges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which requests are meant.
    pub requests: Requests,
    /// What is changed.
    pub change: Change,
}

/// Requests that a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requests {
    /// All of them.
    All,
    /// Those for exactly this path, without a query.
    Path(String),
    /// Those of this method below this path whose reply has this status.
    Below {
        /// What the path begins with.
        path: String,
        /// The method.
        method: String,
        /// The reply's own status.
        status: u16,
    },
}

impl Requests {
    /// Whether a request is meant, whatever its reply.
    fn may_mean(&self, asked: &str, path: &str) -> bool {
        match self {
            Requests::All => true,
            Requests::Path(exact) => exact == path,
            Requests::Below { path: start, method, .. } => path.starts_with(start) && method == asked,
        }
    }

    fn means(&self, answered: StatusCode) -> bool {
        match self {
            Requests::All | Requests::Path(_) => true,
            Requests::Below { status, .. } => answered.as_u16() == *status,
        }
    }
}

/// A change to a request or to its reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The request loses this header.
    DropHeader(String),
    /// Another status, same body.
    Status(u16),
    /// Each occurrence of a text in the body becomes another.
    Text {
        /// What is looked for.
        from: String,
        /// What takes its place.
        to: String,
    },
}

/// The proxy. Dropping it ends it and all its connections.
#[derive(Debug)]
pub struct RewritingProxy {
    task: JoinHandle<()>,
}

impl RewritingProxy {
    /// Listens on one loopback port and forwards to another.
    pub async fn start(port: u16, behind: u16, rules: Vec<Rule>) -> io::Result<RewritingProxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let task = tokio::spawn(serve(listener, behind, Arc::new(rules)));
        Ok(RewritingProxy { task })
    }
}

impl Drop for RewritingProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, behind: u16, rules: Arc<Vec<Rule>>) {
    // The set ends its tasks when it is dropped, together with this one.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let rules = rules.clone();
        connections.spawn(async move {
            let answer = service_fn(move |request| forward(request, behind, rules.clone()));
            // A service that is down makes `forward` fail, which closes the connection without a reply.
            let _ = hyper::server::conn::http1::Builder::new()
                .preserve_header_case(true)
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn forward(mut request: Request<Incoming>, behind: u16, rules: Arc<Vec<Rule>>) -> Result<Reply, Problem> {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let meant: Vec<&Rule> = rules.iter().filter(|rule| rule.requests.may_mean(method, path)).collect();
    for rule in &meant {
        match &rule.change {
            Change::DropHeader(name) => drop(request.headers_mut().remove(name)),
            Change::Status(_) => {}
            // A compressed body could not be searched.
            Change::Text { .. } => drop(request.headers_mut().remove(ACCEPT_ENCODING)),
        }
    }
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, behind)).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::Builder::new().preserve_header_case(true).handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut reply = sender.send_request(request).await?.map(Either::Left);
    let answered = reply.status();
    for rule in meant.into_iter().filter(|rule| rule.requests.means(answered)) {
        reply = change(reply, &rule.change).await?;
    }
    Ok(reply)
}

async fn change(mut reply: Reply, change: &Change) -> Result<Reply, Problem> {
    match change {
        Change::DropHeader(_) => Ok(reply),
        Change::Status(status) => {
            *reply.status_mut() = StatusCode::from_u16(*status)?;
            Ok(reply)
        }
        Change::Text { from, to } => {
            let (mut head, body) = reply.into_parts();
            let body = body.collect().await?.to_bytes();
            let text = String::from_utf8_lossy(&body).replace(from, to);
            head.headers.remove(TRANSFER_ENCODING);
            head.headers.insert(CONTENT_LENGTH, text.len().into());
            Ok(Response::from_parts(head, Either::Right(Full::from(text))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::ports::Ports;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn free_port() -> u16 {
        Ports::default().take().unwrap()
    }

    /// A server that answers each connection with the request line it got.
    async fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).await.unwrap();
                let request = String::from_utf8_lossy(&buffer[..length]);
                let line = request.lines().next().unwrap();
                let reply = format!("HTTP/1.1 200 OK\r\nX-Kept: yes\r\nContent-Length: {}\r\n\r\n{line}", line.len());
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        });
        port
    }

    #[tokio::test]
    async fn only_the_replies_of_the_path_are_changed() {
        let rule = |path: &str, change| Rule { requests: Requests::Path(path.into()), change };
        let text = Change::Text { from: "HTTP".into(), to: "smoke signals".into() };
        let below = |status| Requests::Below { path: "/below".into(), method: "GET".into(), status };
        let rules = vec![
            rule("/status", Change::Status(418)),
            rule("/text", text),
            Rule { requests: below(200), change: Change::Status(202) },
            Rule { requests: below(404), change: Change::Status(500) },
        ];
        let port = free_port();
        let _proxy = RewritingProxy::start(port, echo().await, rules).await.unwrap();
        let get = async |path: &str| {
            let url = format!("http://127.0.0.1:{port}{path}");
            let reply = reqwest::get(url).await.unwrap();
            assert_eq!(reply.headers()["x-kept"], "yes");
            (reply.status().as_u16(), reply.text().await.unwrap())
        };

        assert_eq!(get("/status?a=b").await, (418, "GET /status?a=b HTTP/1.1".into()));
        assert_eq!(get("/text").await, (200, "GET /text smoke signals/1.1".into()));
        assert_eq!(get("/texts").await, (200, "GET /texts HTTP/1.1".into()));
        assert_eq!(get("/below/x").await, (202, "GET /below/x HTTP/1.1".into()));
        let posted = reqwest::Client::new().post(format!("http://127.0.0.1:{port}/below/x")).send().await.unwrap();
        assert_eq!(posted.status(), 200);
    }

    #[tokio::test]
    async fn a_header_is_dropped_on_every_path() {
        let rule = Rule { requests: Requests::All, change: Change::DropHeader("x-thread".into()) };
        let heard = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (port, behind) = (free_port(), heard.local_addr().unwrap().port());
        let _proxy = RewritingProxy::start(port, behind, vec![rule]).await.unwrap();
        let request = reqwest::Client::new().get(format!("http://127.0.0.1:{port}/any"));
        let asking = tokio::spawn(request.header("x-thread", "1").header("x-other", "2").send());
        let (mut stream, _) = heard.accept().await.unwrap();
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await.unwrap();
        let head = String::from_utf8_lossy(&buffer[..length]).to_lowercase();
        asking.abort();
        assert!(head.contains("x-other: 2") && !head.contains("x-thread"), "{head}");
    }

    #[tokio::test]
    async fn a_service_that_is_down_gives_no_reply() {
        let port = free_port();
        let _proxy = RewritingProxy::start(port, free_port(), Vec::new()).await.unwrap();
        let reply = reqwest::get(format!("http://127.0.0.1:{port}/health")).await;
        assert!(reply.unwrap_err().status().is_none());
    }
}
