//! Stands between a store that may be anything and the client that would believe it: only what keeps to the protocol,
//! and to what memory can bear, is let through.
//!
//! The clients of PostgreSQL and Redis trust their server: a length of a few bytes or of gigabytes brings them to a
//! panic, or to ask for all memory there is.

mod postgres;
mod redis;
mod tls;

use crate::wire::Trust;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How long the store's side of a connection may take.
const CONNECTING: Duration = Duration::from_secs(5);

/// What the store is said to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// PostgreSQL's, version 3.
    Postgres,
    /// RESP, versions 2 and 3.
    Redis,
}

impl Protocol {
    /// No connection carries more from the store to us. Whatever Redis says may triple in size where it is no UTF-8.
    const fn most_bytes(self) -> usize {
        match self {
            Protocol::Postgres => 128 << 20,
            Protocol::Redis => 16 << 20,
        }
    }
}

/// What an inspector makes of the bytes it is shown: so many of them may pass, and perhaps the rest offends.
struct Judged {
    pass: usize,
    offence: Option<String>,
}

/// Looks at everything that comes from a store.
trait Inspector: Send {
    /// Judges what has come and was not let through yet.
    fn judge(&mut self, bytes: &[u8]) -> Judged;
}

/// A guard at work. Dropping it ends it and all its connections.
#[derive(Debug)]
pub struct Guard {
    address: SocketAddr,
    offence: Arc<Mutex<Option<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Guard {
    /// Stands before the store at an address. With `trust`, it speaks TLS with the store, and whoever comes need not.
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Where loopback gives no port.
    pub fn before(protocol: Protocol, host: String, port: u16, trust: Option<Trust>) -> io::Result<Guard> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let offence = Arc::<Mutex<Option<String>>>::default();
        let task = tokio::spawn(serve(
            TcpListener::from_std(listener)?,
            Store { protocol, host, port, trust },
            offence.clone(),
        ));
        Ok(Guard { address, offence, task })
    }

    /// Where the store is reached through the guard.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The last offence against the protocol, after which a connection was closed.
    pub fn offence(&self) -> Option<String> {
        self.offence.lock().expect("nothing panics while it holds this lock").clone()
    }
}

async fn serve(listener: TcpListener, store: Store, offence: Arc<Mutex<Option<String>>>) {
    let store = Arc::new(store);
    // The set ends its tasks when it is dropped, together with this one.
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        let (store, offence) = (store.clone(), offence.clone());
        connections.spawn(async move {
            // Where nobody is there it is closed at once: whoever came sees a connection that breaks off.
            match tokio::time::timeout(CONNECTING, store.connect()).await {
                Ok(Ok(far)) => between(near, far, store.protocol, &offence).await,
                Ok(Err(error)) => {
                    if let Some(why) = tls::refused(&error) {
                        *offence.lock().expect("nothing panics while it holds this lock") = Some(why);
                    }
                }
                Err(_) => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// A store, and how it is spoken to.
struct Store {
    protocol: Protocol,
    host: String,
    port: u16,
    trust: Option<Trust>,
}

impl Store {
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let _ = tcp.set_nodelay(true);
        match &self.trust {
            Some(trust) => Ok(Box::new(tls::handshake(tcp, self.protocol, &self.host, trust).await?)),
            None => Ok(Box::new(tcp)),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn between(near: TcpStream, far: Box<dyn Stream>, protocol: Protocol, offence: &Mutex<Option<String>>) {
    let _ = near.set_nodelay(true);
    let (mut from_us, to_us) = near.into_split();
    let (from_store, mut to_store) = tokio::io::split(far);
    tokio::select! {
        _ = tokio::io::copy(&mut from_us, &mut to_store) => {}
        _ = let_through(protocol, from_store, to_us, offence) => {}
    }
}

/// Hands on what passes, until the connection ends; an offence ends it, too, and is noted before anybody sees the end.
async fn let_through(
    protocol: Protocol,
    mut from: impl AsyncRead + Unpin,
    mut to: OwnedWriteHalf,
    offence: &Mutex<Option<String>>,
) -> io::Result<()> {
    let mut inspector: Box<dyn Inspector> = match protocol {
        Protocol::Postgres => Box::new(postgres::Messages::default()),
        Protocol::Redis => Box::new(redis::Replies::default()),
    };
    let (mut held, mut chunk, mut passed) = (Vec::new(), vec![0; 32 << 10], 0);
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return Ok(());
        }
        held.extend_from_slice(&chunk[..read]);
        let mut judged = inspector.judge(&held);
        passed += judged.pass;
        if passed > protocol.most_bytes() {
            let limit = protocol.most_bytes() >> 20;
            judged.offence = Some(format!("more than {limit} MB came over one connection"));
        }
        if let Some(why) = judged.offence {
            *offence.lock().expect("nothing panics while it holds this lock") = Some(why);
            return to.write_all(&held[..judged.pass]).await;
        }
        to.write_all(&held[..judged.pass]).await?;
        held.drain(..judged.pass);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fixture::{file, signed};

    /// What comes through the guard of all this, and the offence.
    async fn through(protocol: Protocol, sent: &'static [u8]) -> (Vec<u8>, Option<String>) {
        let store = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = store.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = store.accept().await.unwrap();
            stream.write_all(sent).await.unwrap();
        });
        let guard = Guard::before(protocol, "127.0.0.1".into(), port, None).unwrap();
        let mut client = TcpStream::connect(guard.address()).await.unwrap();
        let mut came = Vec::new();
        client.read_to_end(&mut came).await.unwrap();
        (came, guard.offence())
    }

    #[tokio::test]
    async fn what_is_in_order_passes_as_it_is() {
        let ready = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
        assert_eq!(through(Protocol::Postgres, ready).await, (ready.to_vec(), None));
        let replies = b"+OK\r\n$3\r\nabc\r\n*2\r\n:1\r\n$-1\r\n";
        assert_eq!(through(Protocol::Redis, replies).await, (replies.to_vec(), None));
    }

    #[tokio::test]
    async fn an_offence_ends_the_connection_and_nothing_of_it_passes() {
        let (came, offence) = through(Protocol::Postgres, b"Z\0\0\0\x05IZ\0\0\0\x02").await;
        assert_eq!(came, b"Z\0\0\0\x05I");
        assert_eq!(offence.unwrap(), "a message of kind 'Z' says that it is 2 bytes long");
        let (came, offence) = through(Protocol::Redis, b"+OK\r\n*9999999999\r\n:1\r\n").await;
        assert_eq!(came, b"+OK\r\n");
        assert!(offence.unwrap().contains("9999999999"));
    }

    #[tokio::test]
    async fn where_no_store_is_the_connection_breaks_off() {
        let guard = Guard::before(Protocol::Redis, "127.0.0.1".into(), 1, None).unwrap();
        let mut client = TcpStream::connect(guard.address()).await.unwrap();
        assert_eq!(client.read(&mut [0; 1]).await.unwrap_or(0), 0);
    }

    /// What comes through a guard that speaks TLS with a store, which says this once it has heard something; and the offence.
    async fn through_tls(protocol: Protocol, known: bool, asked_first: bool) -> (Vec<u8>, Option<String>) {
        let identity = signed(&["localhost"], 4000);
        let trust = known.then(|| Trust::in_authorities(Some(&file(&identity.pem).1)).unwrap());
        let store = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = store.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut tcp, _) = store.accept().await.unwrap();
            if asked_first {
                let mut request = [0; 8];
                tcp.read_exact(&mut request).await.unwrap();
                assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
                tcp.write_all(b"S").await.unwrap();
            }
            let mut tls = identity.acceptor().accept(tcp).await?;
            tls.read_exact(&mut [0; 4]).await?;
            tls.write_all(b"+PONG\r\n").await?;
            tls.shutdown().await
        });
        let trust = trust.unwrap_or_else(Trust::in_nobody);
        let guard = Guard::before(protocol, "localhost".into(), port, Some(trust)).unwrap();
        let mut client = TcpStream::connect(guard.address()).await.unwrap();
        client.write_all(b"PING").await.unwrap();
        let mut came = Vec::new();
        let _ = client.read_to_end(&mut came).await;
        (came, guard.offence())
    }

    #[tokio::test]
    async fn it_speaks_tls_so_that_whoever_comes_need_not() {
        assert_eq!(through_tls(Protocol::Redis, true, false).await, (b"+PONG\r\n".to_vec(), None));
        let (came, offence) = through_tls(Protocol::Postgres, true, true).await;
        // What came within TLS is none of PostgreSQL's messages, so it was looked at.
        assert!(came.is_empty() && offence.unwrap().contains("message"));
    }

    #[tokio::test]
    async fn a_store_that_cannot_prove_who_it_is_hears_nothing() {
        let (came, offence) = through_tls(Protocol::Redis, false, false).await;
        assert!(came.is_empty());
        assert_eq!(offence.unwrap(), "no TLS: invalid peer certificate: UnknownIssuer");
    }
}
