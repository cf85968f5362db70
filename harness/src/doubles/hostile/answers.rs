//! What a hostile server sends in answer to one request.

use super::{Hostile, texts};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};
use std::sync::LazyLock;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// A gigabyte of nothing: a thousand members of a gzip file, each a megabyte once unpacked.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    let packed = packer.write_all(&[0; 1 << 20]).and_then(|()| packer.finish());
    packed.unwrap_or_default().repeat(1000)
});

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const LAUGHS: &str = "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"ha ha ha ha ha ha ha ha ha ha\">\
    <!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">\
    <!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\"><!ENTITY e \"&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;\">\
    <!ENTITY f \"&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;\"><!ENTITY g \"&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;\">\
    <!ENTITY h \"&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;\">]><Error><Code>&h;</Code></Error>";

/// Whether the connection is still good for another request.
pub(super) type Open = bool;

/// Answers one request.
pub(super) async fn answer(kind: Hostile, request: &str, path: &str, stream: &mut TcpStream) -> io::Result<Open> {
    let of_a_store = path.contains("X-Amz-");
    let bytes = match kind {
        Hostile::EndlessHeaders => {
            let header = format!("x-more: {}\r\n", "y".repeat(8000));
            return for_ever(stream, HEAD, header.as_bytes()).await;
        }
        Hostile::EndlessContinue => return for_ever(stream, "", b"HTTP/1.1 100 Continue\r\n\r\n").await,
        Hostile::EndlessMetrics if path.ends_with("/metrics") => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\n\r\n# TYPE m counter\n";
            return for_ever(stream, head, b"m{path=\"/a\"} 1\na 1\nb{c=\"d\"} NaN\n").await;
        }
        Hostile::EndlessXml if of_a_store => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\n\r\n<ListBucketResult>";
            return for_ever(stream, head, b"<Contents><Key>a</Key><Size>1</Size></Contents>").await;
        }
        Hostile::LateStore if of_a_store => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            plain(kind, path)
        }
        Hostile::EntityBomb if of_a_store => with_length("application/xml", LAUGHS.as_bytes()),
        Hostile::Drip => return drip(stream).await,
        Hostile::ResetsAfterRequest => return Ok(false),
        Hostile::ResetsInHeaders => return last_words(stream, b"HTTP/1.1 200 OK\r\ncontent-ty").await,
        Hostile::ResetsInBody => {
            return last_words(stream, format!("{HEAD}content-length: 50\r\n\r\n{{\"status\":\"heal").as_bytes()).await;
        }
        Hostile::Http09 => return last_words(stream, b"<html>no status, no headers</html>").await,
        Hostile::Tls => return last_words(stream, b"\x15\x03\x03\0\x02\x02\x28").await,
        Hostile::GzipBomb => {
            let head = format!("{HEAD}content-encoding: gzip\r\ncontent-length: {}\r\n\r\n", BOMB.len());
            [head.as_bytes(), &BOMB].concat()
        }
        Hostile::LengthTooSmall => {
            let healthy = plain(Hostile::RetryAfter, "/health");
            [format!("{HEAD}content-length: 2\r\n\r\n{{}}").as_bytes(), &healthy, &healthy].concat()
        }
        Hostile::BrokenChunks => {
            format!("{HEAD}transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\nfffffffffffffffff\r\n").into_bytes()
        }
        Hostile::Echoes => with_length("application/json", texts::echo(request).to_string().as_bytes()),
        Hostile::RedirectsAway => {
            b"HTTP/1.1 302 Found\r\nlocation: http://user@localhost:1/elsewhere\r\ncontent-length: 0\r\n\r\n".to_vec()
        }
        _ => plain(kind, path),
    };
    stream.write_all(&bytes).await?;
    Ok(true)
}

/// A whole answer in good HTTP, whatever its body is.
fn plain(kind: Hostile, path: &str) -> Vec<u8> {
    let body = match kind {
        Hostile::InvalidUtf8 => b"{\"status\":\"healthy\",\"version\":\"\xff\xfe\xc3\x28\xed\xa0\x80\"}".to_vec(),
        Hostile::DeepJson => ["[".repeat(100_000), "]".repeat(100_000)].concat().into_bytes(),
        Hostile::WideJson => format!("[{}0]", "0,".repeat(500_000)).into_bytes(),
        Hostile::HugeNumbers if path.contains("health") => {
            b"{\"status\":\"healthy\",\"uptime\":1.7e308,\"timestamp\":-9223372036854775808,\"a\":18446744073709551615}"
                .to_vec()
        }
        Hostile::HugeNumbers => format!("{{\"status\":1e999,\"id\":{}}}", "9".repeat(400)).into_bytes(),
        Hostile::DoubleKeys => {
            b"{\"status\":\"healthy\",\"version\":\"1\",\"status\":[],\"version\":{\"status\":1}}".to_vec()
        }
        _ if path.ends_with("/metrics") => {
            return with_length("text/plain; version=0.0.4", texts::metrics(kind).as_bytes());
        }
        _ if path.contains("X-Amz-") => return with_length("application/xml", texts::xml(kind).as_bytes()),
        _ => texts::object(kind, path).to_string().into_bytes(),
    };
    // What may stand in a header at all.
    let visible: String = texts::text(kind).chars().filter(|letter| !letter.is_control()).collect();
    let more = match kind {
        Hostile::RetryAfter => "retry-after: 99999999999999999999\r\nx-ratelimit-remaining: 1e999\r\n".to_owned(),
        _ => format!("x-correlation-id: {visible}\r\netag: \"{visible}\"\r\n"),
    };
    let head = format!("{HEAD}{more}content-length: {}\r\n\r\n", body.len());
    [head.into_bytes(), body].concat()
}

fn with_length(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn for_ever(stream: &mut TcpStream, head: &str, again: &[u8]) -> io::Result<Open> {
    stream.write_all(head.as_bytes()).await?;
    let again = again.repeat((64 << 10) / again.len() + 1);
    loop {
        stream.write_all(&again).await?;
    }
}

async fn drip(stream: &mut TcpStream) -> io::Result<Open> {
    stream.write_all(format!("{HEAD}content-length: 1000\r\n\r\n").as_bytes()).await?;
    loop {
        stream.write_all(b" ").await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn last_words(stream: &mut TcpStream, words: &[u8]) -> io::Result<Open> {
    stream.write_all(words).await?;
    // They are on their way before the reset overtakes them.
    tokio::time::sleep(Duration::from_millis(2)).await;
    Ok(false)
}
