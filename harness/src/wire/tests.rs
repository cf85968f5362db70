//! What a server shows, and what comes of it.

use super::fixture::{Identity, file, signed, signed_by_itself};
use super::*;
use std::net::Ipv4Addr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nx-a: one\r\nx-a: two\r\ncontent-length: 5\r\n\r\nhello";

/// Answers whatever has come.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    if stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {
        let _ = stream.write_all(ANSWER).await;
        let _ = stream.shutdown().await;
    }
}

/// Starts a server; its port.
async fn serve(identity: Option<&Identity>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = identity.map(Identity::acceptor);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            match &acceptor {
                Some(acceptor) => {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        answer(tls).await;
                    }
                }
                None => answer(tcp).await,
            }
        }
    });
    port
}

async fn asked(host: &str, identity: &Identity, known: Option<&Identity>) -> Result<Answer, Breakage> {
    let port = serve(Some(identity)).await;
    let trust = match known {
        Some(known) => Trust::in_authorities(Some(&file(&known.pem).1)),
        None => Trust::in_authorities(None),
    };
    Client::new(&trust.unwrap()).get(&format!("https://{host}:{port}/a")).send().await
}

#[tokio::test]
async fn an_answer_comes_as_it_is_in_the_clear_and_within_tls() {
    let port = serve(None).await;
    let mut plain =
        Client::new(&Trust::in_nobody()).get(&format!("http://127.0.0.1:{port}/a b#c")).send().await.unwrap();
    assert_eq!((plain.status().as_u16(), plain.header("x-a")), (200, Some("one")));
    assert_eq!(plain.headers().get_all("x-a").iter().count(), 2);
    assert_eq!(plain.chunk().await, Ok(Some(Bytes::from_static(b"hello"))));
    assert_eq!(plain.chunk().await, Ok(None));

    let identity = signed(&["localhost"], 4000);
    let mut within = asked("localhost", &identity, Some(&identity)).await.unwrap();
    assert_eq!(within.chunk().await, Ok(Some(Bytes::from_static(b"hello"))));
}

#[tokio::test]
async fn a_certificate_is_believed_if_an_authority_signed_it_or_the_file_has_it() {
    let own = signed_by_itself();
    assert!(asked("127.0.0.1", &own, Some(&own)).await.is_ok());
    assert_eq!(asked("localhost", &own, None).await.unwrap_err(), Breakage::UnknownAuthority);
    let (right, wrong) = (signed(&["localhost"], 4000), signed(&["localhost"], 4000));
    assert_eq!(asked("localhost", &right, Some(&wrong)).await.unwrap_err(), Breakage::UnknownAuthority);
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_told() {
    let other = signed(&["another.example"], 4000);
    assert_eq!(asked("localhost", &other, Some(&other)).await.unwrap_err(), Breakage::OtherName);
    let old = signed(&["localhost"], 2001);
    assert_eq!(asked("localhost", &old, Some(&old)).await.unwrap_err(), Breakage::NotNow);
}

#[tokio::test]
async fn what_is_no_tls_is_told_apart_from_nobody() {
    let client = Client::new(&Trust::in_nobody());
    let port = serve(None).await;
    assert_eq!(client.get(&format!("https://127.0.0.1:{port}/")).send().await.unwrap_err(), Breakage::Tls);
    assert_eq!(client.get("https://127.0.0.1:1/").send().await.unwrap_err(), Breakage::NoConnection);
    assert_eq!(client.get("http://127.0.0.1:1/").send().await.unwrap_err(), Breakage::NoConnection);
}

#[tokio::test]
async fn a_request_that_cannot_be_is_not_sent() {
    let client = Client::new(&Trust::in_nobody());
    for request in [
        client.get("http://127.0.0.1:1/").header("x", "line\nbreak"),
        client.request("no method", "http://127.0.0.1:1/"),
        client.get("ftp://127.0.0.1:1/"),
        client.get("nothing"),
    ] {
        assert_eq!(request.send().await.unwrap_err(), Breakage::NotBuilt);
    }
}

#[test]
fn a_file_without_certificates_is_refused() {
    for (text, said) in [("", "holds no certificate"), ("-----BEGIN CERTIFICATE-----\n%\n", "no certificates in PEM")] {
        let refused = Trust::in_authorities(Some(&file(text).1)).unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
}
