//! Serves the record of a run as a page that follows it. It only reads, and it answers nothing but GET and HEAD.

mod answer;
mod watch;

use self::answer::{Body, Served};
use self::watch::follow;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// Where the record is that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this directory, which need not be there yet.
    Named(PathBuf),
    /// The last one, as seen from this directory; a later run takes its place.
    Latest(PathBuf),
}

impl Place {
    fn dir(&self) -> Option<PathBuf> {
        match self {
            Place::Named(dir) => Some(dir.clone()),
            Place::Latest(from) => crate::record::latest(from),
        }
    }
}

/// Serves for as long as it lives.
#[derive(Debug)]
pub struct LiveServer {
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

impl LiveServer {
    /// Begins to listen.
    ///
    /// # Errors
    /// Where the address is taken or not ours.
    pub async fn on(address: SocketAddr, place: Place) -> io::Result<LiveServer> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (tell, told) = tokio::sync::watch::channel(Arc::from(r#"{"state":"waiting"}"#));
        let served = Arc::new(Served { place: place.clone(), told, loopback: address.ip().is_loopback() });
        Ok(LiveServer { address, tasks: [tokio::spawn(follow(place, tell)), tokio::spawn(accept(listener, served))] })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for LiveServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn accept(listener: TcpListener, served: Arc<Served>) {
    // The set ends its tasks when it is dropped, together with this one.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file handles, most likely: those that close give some back.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let served = Arc::clone(&served);
        let service = service_fn(move |request: Request<Incoming>| {
            let served = Arc::clone(&served);
            async move { Ok::<Response<Body>, Infallible>(served.answer(&request).await) }
        });
        connections.spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            // A reader that breaks off is its own affair.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{OUTCOMES_FILE, RecordWriter, fixture};
    use std::fs;
    use std::time::Duration;

    async fn serving(place: Place) -> (LiveServer, String) {
        let server = LiveServer::on(([127, 0, 0, 1], 0).into(), place).await.unwrap();
        let url = format!("http://{}", server.address());
        (server, url)
    }

    /// Reads events until one has the state.
    async fn until(response: &mut reqwest::Response, state: &str) -> String {
        let mut text = String::new();
        let wanted = format!("\"state\":\"{state}\"");
        let reading = async {
            while !text.contains(&wanted) {
                let chunk = response.chunk().await.unwrap().expect("the events go on");
                text += std::str::from_utf8(&chunk).unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the state is told");
        text
    }

    #[tokio::test]
    async fn a_record_is_followed_from_nothing_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("run");
        let (_server, url) = serving(Place::Named(dir.clone())).await;
        let mut events = reqwest::get(format!("{url}/events")).await.unwrap();
        assert_eq!(events.headers()["content-type"], "text/event-stream");
        until(&mut events, "waiting").await;
        assert_eq!(reqwest::get(format!("{url}/report.html")).await.unwrap().status(), 404);

        let writer = RecordWriter::create(&dir, &fixture::header()).unwrap();
        for outcome in fixture::outcomes() {
            writer.outcome(&outcome, None).unwrap();
        }
        until(&mut events, "running").await;
        // Half a line is what a reader sees of a write that is under way.
        let path = dir.join(OUTCOMES_FILE);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 20]).unwrap();
        until(&mut events, "running").await;
        fs::write(&path, whole).unwrap();
        writer.finish(&fixture::footer()).unwrap();
        let told = until(&mut events, "finished").await;
        assert!(told.contains("\"done\":8"), "{told}");
        assert_eq!(reqwest::get(format!("{url}/report.html")).await.unwrap().status(), 200);
    }

    #[tokio::test]
    async fn nothing_can_be_changed_and_no_other_name_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let (_server, url) = serving(Place::Named(folder.path().into())).await;
        let client = reqwest::Client::new();
        assert_eq!(client.post(&url).send().await.unwrap().status(), 405);
        assert_eq!(client.get(format!("{url}/../etc/passwd")).send().await.unwrap().status(), 404);
        let strange = client.get(&url).header("host", "attacker.example").send().await.unwrap();
        assert_eq!(strange.status(), 403);
        let page = client.get(&url).send().await.unwrap();
        assert_eq!(
            (page.status().as_u16(), &page.headers()["x-content-type-options"]),
            (200, &"nosniff".parse().unwrap())
        );
    }
}
