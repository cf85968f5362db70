//! A chat channel with an incoming webhook, as Slack has them.

use crate::target::Inbox;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// A longer message is refused.
const LONGEST_MESSAGE: usize = 256 << 10;

/// Takes messages at its webhook, for as long as it lives.
#[derive(Debug)]
pub struct Chat {
    task: JoinHandle<()>,
}

impl Chat {
    /// The path of its webhook.
    pub const PATH: &str = "/services/T0CONFORM/B0ALERTS/webhook";

    /// Listens on a loopback port. What comes is in the inbox: `content_type` and `message`.
    ///
    /// # Errors
    /// Where the port is taken.
    pub async fn on(port: u16, inbox: Inbox) -> io::Result<Chat> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let task = tokio::spawn(async move {
            // The set ends its tasks when it is dropped, together with this one.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let inbox = inbox.clone();
                let service = service_fn(move |request| {
                    let inbox = inbox.clone();
                    async move { Ok::<_, Infallible>(answer(request, &inbox).await) }
                });
                connections.spawn(async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    // A client that breaks off is its own affair.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Chat { task })
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// As Slack answers: `ok`, or a word for what is wrong.
async fn answer(request: Request<Incoming>, inbox: &Inbox) -> Response<Full<Bytes>> {
    let say = |status: StatusCode, word: &'static str| {
        let mut response = Response::new(Full::new(Bytes::from(word)));
        *response.status_mut() = status;
        response
    };
    if inbox.is_closed() {
        return say(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable");
    }
    if request.uri().path() != Chat::PATH {
        return say(StatusCode::NOT_FOUND, "no_service");
    }
    if request.method() != Method::POST {
        return say(StatusCode::BAD_REQUEST, "invalid_method");
    }
    let content_type =
        request.headers().get(CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()).into_owned());
    let Ok(body) = Limited::new(request.into_body(), LONGEST_MESSAGE).collect().await else {
        return say(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    };
    let message = serde_json::from_slice::<Value>(&body.to_bytes());
    match message {
        Ok(message) if message["text"].is_string() || message["blocks"].is_array() => {
            inbox.put(json!({"content_type": content_type, "message": message}));
            say(StatusCode::OK, "ok")
        }
        Ok(_) => say(StatusCode::BAD_REQUEST, "no_text"),
        Err(_) => say(StatusCode::BAD_REQUEST, "invalid_payload"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::ports::Ports;

    async fn started() -> (Chat, String, Inbox) {
        let port = Ports::default().take().unwrap();
        let inbox = Inbox::default();
        let chat = Chat::on(port, inbox.clone()).await.unwrap();
        (chat, format!("http://127.0.0.1:{port}{}", Chat::PATH), inbox)
    }

    #[tokio::test]
    async fn a_message_arrives_and_what_is_none_is_refused() {
        let (_chat, url, inbox) = started().await;
        let client = reqwest::Client::new();
        let said = client.post(&url).json(&json!({"text": "down"})).send().await.unwrap();
        assert_eq!(said.text().await.unwrap(), "ok");
        for body in ["{}", "not json"] {
            assert_eq!(client.post(&url).body(body).send().await.unwrap().status(), 400);
        }
        assert_eq!(client.post(format!("{url}x")).json(&json!({"text": "x"})).send().await.unwrap().status(), 404);
        let received = inbox.all();
        assert_eq!(received.len(), 1);
        assert_eq!(received[0]["message"]["text"], "down");
    }

    #[tokio::test]
    async fn a_channel_that_is_closed_takes_nothing_in() {
        let (_chat, url, inbox) = started().await;
        inbox.close(true);
        let said = reqwest::Client::new().post(&url).json(&json!({"text": "down"})).send().await.unwrap();
        assert_eq!(said.status(), 503);
        assert!(inbox.all().is_empty());
    }
}
