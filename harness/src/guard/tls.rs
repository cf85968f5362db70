//! TLS between the guard and a store.

use super::Protocol;
use crate::wire::Trust;
use rustls::pki_types::ServerName;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How a client of PostgreSQL asks for TLS: the length of the message, and a number that is no protocol's version
/// (PostgreSQL, "Message Formats", SSLRequest).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Has the store begin with TLS; Redis does so at once, PostgreSQL where it is asked to.
pub(super) async fn handshake(
    mut tcp: TcpStream,
    protocol: Protocol,
    host: &str,
    trust: &Trust,
) -> io::Result<TlsStream<TcpStream>> {
    if protocol == Protocol::Postgres {
        tcp.write_all(&SSL_REQUEST).await?;
        if tcp.read_u8().await? != b'S' {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "it does not speak TLS"));
        }
    }
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(trust.config()).connect(name, tcp).await
}

/// What to say of a store with which no TLS was possible; nothing where it was not even reached.
pub(super) fn refused(error: &io::Error) -> Option<String> {
    let of_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    (of_tls || error.kind() == io::ErrorKind::Unsupported).then(|| format!("no TLS: {error}"))
}
