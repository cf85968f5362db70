//! Why no answer came, in words that do not change from run to run.

use hyper_util::client::legacy;
use rustls::CertificateError;
use std::error::Error;
use thiserror::Error;

/// Why no answer came, or not a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Breakage {
    /// The request is none: a header with a line break, say.
    #[error("the request could not be built")]
    NotBuilt,
    /// Nobody listens there, or nobody is there.
    #[error("no connection")]
    NoConnection,
    /// Somebody listens, and does not speak TLS as it should be spoken.
    #[error("no connection: TLS failed")]
    Tls,
    /// The certificate is not signed by anybody who is trusted.
    #[error("no connection: its certificate is from nobody who is trusted here")]
    UnknownAuthority,
    /// The certificate is for other names.
    #[error("no connection: its certificate is for another name")]
    OtherName,
    /// The certificate has ended, or has not begun.
    #[error("no connection: its certificate has expired, or is not valid yet")]
    NotNow,
    /// The certificate is wrong in another way.
    #[error("no connection: its certificate is not acceptable")]
    BadCertificate,
    /// The head did not come in time.
    #[error("no answer in time")]
    Late,
    /// What came is no head of an answer, or one that breaks a rule.
    #[error("the answer was not HTTP, or its head breaks a rule of it (RFC 9112)")]
    NotHttp,
    /// The connection ended before the head had come.
    #[error("the connection broke before the head of an answer had come")]
    Head,
    /// The body ended before it should.
    #[error("the body broke off")]
    Body,
}

impl Breakage {
    /// All of them: what a cause of many failures may be.
    pub const ALL: [Breakage; 11] = [
        Breakage::NotBuilt,
        Breakage::NoConnection,
        Breakage::Tls,
        Breakage::UnknownAuthority,
        Breakage::OtherName,
        Breakage::NotNow,
        Breakage::BadCertificate,
        Breakage::Late,
        Breakage::NotHttp,
        Breakage::Head,
        Breakage::Body,
    ];

    /// What kept the head of an answer from coming.
    pub(super) fn before_the_head(error: &legacy::Error) -> Breakage {
        match causes(error).find_map(<dyn Error>::downcast_ref::<rustls::Error>) {
            Some(tls) => Breakage::of_tls(tls),
            None if error.is_connect() && in_tls(error) => Breakage::Tls,
            None if error.is_connect() => Breakage::NoConnection,
            None if causes(error).filter_map(<dyn Error>::downcast_ref::<hyper::Error>).any(hyper::Error::is_parse) => {
                Breakage::NotHttp
            }
            None => Breakage::Head,
        }
    }

    fn of_tls(error: &rustls::Error) -> Breakage {
        let rustls::Error::InvalidCertificate(why) = error else {
            return Breakage::Tls;
        };
        match why {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Breakage::UnknownAuthority,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Breakage::OtherName,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Breakage::NotNow,
            _ => Breakage::BadCertificate,
        }
    }
}

/// Whether the TCP connection stood already: the handshake that follows fails with an I/O error, TCP with one of its own.
fn in_tls(error: &legacy::Error) -> bool {
    error.source().is_some_and(|inner| inner.is::<std::io::Error>())
}

/// An error and those behind it. What an I/O error wraps is not among its sources, and is shown all the same.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}
