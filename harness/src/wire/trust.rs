//! Whom we believe to be who they say they are.

use crate::disk;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use thiserror::Error;

/// The authorities whose certificates are believed, and how TLS is spoken: versions 1.2 and 1.3, HTTP/1.1.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

/// The most bytes that a file of certificates may have; those of all public authorities come to a quarter of a megabyte.
const LONGEST_FILE: u64 = 4 << 20;

/// Why a file of certificates is of no use.
#[derive(Debug, Error)]
pub enum BadCertificate {
    /// It cannot be read, or is too long.
    #[error("the file cannot be read ({0})")]
    Unreadable(io::Error),
    /// It is no PEM.
    #[error("no certificates in PEM can be read from it ({0})")]
    NotPem(pem::Error),
    /// It is PEM, and holds none.
    #[error("it holds no certificate, as in `-----BEGIN CERTIFICATE-----`")]
    Empty,
    /// One of them is none that can be an authority's.
    #[error("a certificate in it cannot be used ({0})")]
    Unusable(rustls::Error),
}

impl Trust {
    /// In nobody: all that plain HTTP needs.
    pub fn in_nobody() -> Trust {
        static NOBODY: OnceLock<Trust> = OnceLock::new();
        NOBODY.get_or_init(|| Trust::with(RootCertStore::empty(), Vec::new())).clone()
    }

    /// In the authorities that this machine trusts, and in those of a PEM file. A server may also show one of the file's
    /// certificates itself, as one does that has signed its own.
    ///
    /// # Errors
    /// Where the file is of no use.
    pub fn in_authorities(file: Option<&Path>) -> Result<Trust, BadCertificate> {
        let mut roots = RootCertStore::empty();
        // What of the machine's own is unreadable is not trusted, and a server that it stands for tells so.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let mut named = Vec::new();
        if let Some(file) = file {
            let text = disk::read(file, LONGEST_FILE).map_err(BadCertificate::Unreadable)?;
            let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
            named = all.map_err(BadCertificate::NotPem)?;
            if named.is_empty() {
                return Err(BadCertificate::Empty);
            }
            for one in &named {
                roots.add(one.clone()).map_err(BadCertificate::Unusable)?;
            }
        }
        Ok(Trust::with(roots, named))
    }

    fn with(roots: RootCertStore, shown: Vec<CertificateDer<'static>>) -> Trust {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider knows the versions that it ships with");
        // No authority at all is refused by the verifier of others, and needs none.
        let authorities = (!roots.is_empty())
            .then(|| WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().ok())
            .flatten();
        let verifier = Verifier { authorities, shown, provider };
        let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Trust(Arc::new(config))
    }

    /// As the TLS library wants it.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.0.clone()
    }
}

/// Believes what its authorities have signed, and whoever shows, and can sign for, one of these very certificates.
#[derive(Debug)]
struct Verifier {
    authorities: Option<Arc<WebPkiServerVerifier>>,
    shown: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.shown.iter().any(|one| one == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.authorities {
            Some(them) => them.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None => Err(rustls::CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
