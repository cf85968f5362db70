//! Hostile stores: servers that begin as PostgreSQL or Redis would, and go on otherwise.

use crate::guard::Protocol;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// One way in which a store is hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostileStore {
    /// PostgreSQL takes the first message and says nothing.
    PostgresHangs,
    /// PostgreSQL answers in no protocol.
    PostgresGarbage,
    /// PostgreSQL announces a message of four gigabytes.
    PostgresGiantMessage,
    /// PostgreSQL announces a message shorter than its own length.
    PostgresTinyMessage,
    /// PostgreSQL sends a row of a gigabyte.
    PostgresGiantRow,
    /// PostgreSQL names a way to log in by ten million letters.
    PostgresGiantLogin,
    /// PostgreSQL sends rows that promise more values than they hold.
    PostgresBrokenRow,
    /// PostgreSQL sends rows for ever.
    PostgresEndlessRows,
    /// PostgreSQL asks for four billion rounds of hashing.
    PostgresEndlessHashing,
    /// Redis answers with a type that nobody asked for.
    RedisWrongTypes,
    /// Redis announces a text of ten gigabytes.
    RedisGiantText,
    /// Redis announces a list of ten billion items.
    RedisGiantList,
    /// Redis sends a list without end.
    RedisEndlessList,
    /// Redis sends a line without end.
    RedisEndlessLine,
    /// Redis sends lists in lists in lists.
    RedisDeepList,
    /// Redis answers every command with an error.
    RedisErrors,
}

impl HostileStore {
    /// All kinds.
    pub const ALL: [HostileStore; 16] = [
        HostileStore::PostgresHangs,
        HostileStore::PostgresGarbage,
        HostileStore::PostgresGiantMessage,
        HostileStore::PostgresTinyMessage,
        HostileStore::PostgresGiantRow,
        HostileStore::PostgresGiantLogin,
        HostileStore::PostgresBrokenRow,
        HostileStore::PostgresEndlessRows,
        HostileStore::PostgresEndlessHashing,
        HostileStore::RedisWrongTypes,
        HostileStore::RedisGiantText,
        HostileStore::RedisGiantList,
        HostileStore::RedisEndlessList,
        HostileStore::RedisEndlessLine,
        HostileStore::RedisDeepList,
        HostileStore::RedisErrors,
    ];

    /// What it pretends to be.
    pub fn protocol(self) -> Protocol {
        match self.words().0.starts_with("PostgreSQL") {
            true => Protocol::Postgres,
            false => Protocol::Redis,
        }
    }

    /// What it does, in words.
    pub fn what(self) -> &'static str {
        self.words().0
    }

    /// Which bound a run survives it by.
    pub fn survived(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            HostileStore::PostgresHangs => {
                ("PostgreSQL that hangs", "a connection and each statement have their deadline")
            }
            HostileStore::PostgresGarbage => {
                ("PostgreSQL that sends garbage", "only messages of known kinds reach the client")
            }
            HostileStore::PostgresGiantMessage => {
                ("PostgreSQL that announces 4 GB", "but for rows, no message is longer than 1 MB")
            }
            HostileStore::PostgresTinyMessage => {
                ("PostgreSQL that announces 2 bytes", "no message is shorter than its own length")
            }
            HostileStore::PostgresGiantRow => ("PostgreSQL that sends a row of 1 GB", "no row is longer than 16 MB"),
            HostileStore::PostgresGiantLogin => {
                ("PostgreSQL that logs in by 10 MB", "a word about the login is no longer than 4 KB")
            }
            HostileStore::PostgresBrokenRow => {
                ("PostgreSQL that breaks its rows", "a message passes once it holds what its kind promises")
            }
            HostileStore::PostgresEndlessRows => {
                ("PostgreSQL that sends rows for ever", "each statement has its deadline, a connection 128 MB")
            }
            HostileStore::PostgresEndlessHashing => {
                ("PostgreSQL that demands endless hashing", "no more than 100,000 rounds are done for a password")
            }
            HostileStore::RedisWrongTypes => {
                ("Redis that answers in wrong types", "an answer of another type satisfies nothing")
            }
            HostileStore::RedisGiantText => ("Redis that announces 10 GB", "no text is longer than 16 MB"),
            HostileStore::RedisGiantList => {
                ("Redis that announces 10 billion items", "no list has more than 100,000 items")
            }
            HostileStore::RedisEndlessList => {
                ("Redis that lists without end", "a connection carries 200,000 items at most")
            }
            HostileStore::RedisEndlessLine => ("Redis that sends a line without end", "no line is longer than 64 KB"),
            HostileStore::RedisDeepList => ("Redis that nests its lists", "lists nest to 100 levels at most"),
            HostileStore::RedisErrors => {
                ("Redis that refuses every command", "an error is an observation like any other")
            }
        }
    }
}

/// A hostile store on loopback, until it is dropped.
#[derive(Debug)]
pub struct HostileStoreServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for HostileStoreServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HostileStoreServer {
    /// Starts one.
    ///
    /// # Errors
    /// Where loopback gives no port.
    pub async fn start(kind: HostileStore) -> io::Result<HostileStoreServer> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // The set ends its tasks when it is dropped, together with this one.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let _ = match kind.protocol() {
                        Protocol::Postgres => postgres(kind, stream).await,
                        Protocol::Redis => redis(kind, stream).await,
                    };
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(HostileStoreServer { address, task })
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

/// What the client says is read and not looked at.
async fn said(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 64 << 10];
    let read = stream.read(&mut bytes).await?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    bytes.truncate(read);
    Ok(bytes)
}

async fn for_ever(stream: &mut TcpStream, again: &[u8]) -> io::Result<()> {
    let again = again.repeat((64 << 10) / again.len() + 1);
    loop {
        stream.write_all(&again).await?;
    }
}

async fn postgres(kind: HostileStore, mut stream: TcpStream) -> io::Result<()> {
    /// The login succeeds, and the server is ready.
    const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x16client_encoding\0UTF\0Z\0\0\0\x05I";
    said(&mut stream).await?;
    match kind {
        HostileStore::PostgresGarbage => stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n\xff\0\xff").await?,
        HostileStore::PostgresGiantMessage => stream.write_all(b"R\xff\xff\xff\xff\0\0\0\0").await?,
        HostileStore::PostgresTinyMessage => stream.write_all(b"R\0\0\0\x02\0\0\0\0").await?,
        HostileStore::PostgresEndlessHashing => {
            stream.write_all(b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0").await?;
            let first = String::from_utf8_lossy(&said(&mut stream).await?).into_owned();
            let nonce = first.split("r=").nth(1).unwrap_or_default();
            let challenge = format!("r={nonce}more,s=QSXCR+Q6sek8bf92,i=4294967295");
            let length = (challenge.len() as u32 + 8).to_be_bytes();
            stream.write_all(&[b"R", &length[..], b"\0\0\0\x0b", challenge.as_bytes()].concat()).await?;
        }
        HostileStore::PostgresGiantLogin => {
            let name = vec![b'x'; 10 << 20];
            let length = (name.len() as u32 + 10).to_be_bytes();
            stream.write_all(&[b"R", &length[..], b"\0\0\0\x0a", &name, b"\0\0"].concat()).await?;
        }
        HostileStore::PostgresBrokenRow | HostileStore::PostgresGiantRow | HostileStore::PostgresEndlessRows => {
            stream.write_all(WELCOME).await?;
            said(&mut stream).await?;
            if kind == HostileStore::PostgresGiantRow {
                stream.write_all(b"D\x40\0\0\0\0\x01\x3f\xff\xff\xf0").await?;
                return for_ever(&mut stream, b"x").await;
            }
            if kind == HostileStore::PostgresEndlessRows {
                return for_ever(&mut stream, b"D\0\0\0\x0b\0\x01\0\0\0\x01x").await;
            }
            stream.write_all(b"D\0\0\0\x0a\0\xff\0\0\0\xff").await?;
        }
        _ => {}
    }
    // Whoever waits for more waits in vain.
    std::future::pending().await
}

async fn redis(kind: HostileStore, mut stream: TcpStream) -> io::Result<()> {
    loop {
        let bytes = said(&mut stream).await?;
        let words = String::from_utf8_lossy(&bytes);
        // Each command is a list of texts; those by which a client introduces itself are granted.
        for command in words.split("\r\n").filter(|line| line.starts_with('*')).zip(words.split('*').skip(1)) {
            let introduction = ["CLIENT\r\n$7\r\nSETINFO", "SELECT", "HELLO", "AUTH"];
            if introduction.iter().any(|word| command.1.contains(word)) {
                stream.write_all(b"+OK\r\n").await?;
                continue;
            }
            match kind {
                HostileStore::RedisGiantText => stream.write_all(b"$9999999999\r\n").await?,
                HostileStore::RedisGiantList => stream.write_all(b"*9999999999\r\n").await?,
                HostileStore::RedisEndlessList => {
                    stream.write_all(b"*100000\r\n").await?;
                    return for_ever(&mut stream, b"*1\r\n:1\r\n").await;
                }
                HostileStore::RedisEndlessLine => return for_ever(&mut stream, b"+").await,
                HostileStore::RedisDeepList => stream.write_all(&b"*1\r\n".repeat(100_000)).await?,
                HostileStore::RedisErrors => stream.write_all(b"-NOPE \x1b[2J<script>alert(1)</script>\r\n").await?,
                _ => stream.write_all(b"%1\r\n+a\r\n,1e308\r\n").await?,
            }
        }
    }
}
