//! A service that tells every caller what reached it.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, SET_COOKIE};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use std::io;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// The cookie that every answer sets.
pub const COOKIE: &str = "conform-echo=set-by-the-back-end; Path=/; HttpOnly; SameSite=Lax";

/// Answers every request with 200, a cookie, and what it was asked: `method`, `path`, `headers`, `body`. Dropping it ends
/// it.
#[derive(Debug)]
pub struct Echo {
    task: JoinHandle<()>,
}

impl Echo {
    /// Begins to listen on a loopback port.
    pub async fn on(port: u16) -> io::Result<Echo> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Echo { task: tokio::spawn(serve(listener)) })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener) {
    // The set ends its tasks when it is dropped, together with this one.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(async move {
            let answering = hyper::server::conn::http1::Builder::new();
            let _ = answering.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let together = |name| {
        let lines = parts.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        lines.collect::<Vec<_>>().join(", ")
    };
    let headers: Map<String, Value> =
        parts.headers.keys().map(|name| (name.to_string(), together(name).into())).collect();
    let told = json!({
        "method": parts.method.as_str(),
        "path": parts.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    let mut response = Response::new(Full::new(Bytes::from(told.to_string())));
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response.headers_mut().insert(SET_COOKIE, hyper::header::HeaderValue::from_static(COOKIE));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::ports::Ports;

    #[tokio::test]
    async fn an_answer_tells_the_request_and_sets_a_cookie() {
        let port = Ports::default().take().unwrap();
        let _echo = Echo::on(port).await.unwrap();
        let request = reqwest::Client::new().get(format!("http://127.0.0.1:{port}/some/path?q=1"));
        let answer = request.header("cookie", "a=b").send().await.unwrap();
        assert_eq!(answer.headers()["set-cookie"], COOKIE);
        let told: Value = answer.json().await.unwrap();
        assert_eq!((&told["path"], &told["headers"]["cookie"]), (&json!("/some/path?q=1"), &json!("a=b")));
    }
}
