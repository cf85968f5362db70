//! Servers that show certificates, for tests.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::PathBuf;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// What a server shows, and the file that a client is given to know it by.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    pub(crate) pem: String,
}

impl Identity {
    /// What a server that shows it does with a connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(self.chain.clone(), self.key.clone_key());
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }
}

/// Signed by an authority of its own.
pub(crate) fn signed(names: &[&str], last_year: i32) -> Identity {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut server = CertificateParams::new(names).unwrap();
    server.not_after = rcgen::date_time_ymd(last_year, 1, 1);
    let certificate = server.signed_by(&key, &authority).unwrap();
    Identity {
        chain: vec![certificate.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        pem: authority.pem(),
    }
}

/// As `openssl req -x509` makes it: an authority that shows itself.
pub(crate) fn signed_by_itself() -> Identity {
    let made = generate_simple_self_signed(vec!["another.example".to_owned()]).unwrap();
    Identity {
        chain: vec![made.cert.der().clone()],
        key: PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap(),
        pem: made.cert.pem(),
    }
}

/// A file of certificates, in a folder that ends with the value.
pub(crate) fn file(pem: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    (folder, path)
}
