//! Encryption.

use std::io;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::smtp::localhost;

/// A certificate with its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// The chain, the server's own first.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// The certificate that clients have to trust.
    pub authority: String,
}

impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pem").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl Pem {
    /// For `localhost` and `127.0.0.1`, signed by an authority that nobody trusts unless told to.
    pub fn localhost() -> Self {
        let (certificate, key) = (localhost::CERTIFICATE.to_owned(), localhost::KEY.to_owned());
        Self { certificate, key, authority: localhost::AUTHORITY.to_owned() }
    }

    pub(crate) fn acceptor(&self) -> io::Result<TlsAcceptor> {
        let invalid = |why: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidInput, why.to_string());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.certificate.as_bytes()).collect();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(|error| invalid(&error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(&error))?
            .with_no_client_auth()
            .with_single_cert(chain.map_err(|error| invalid(&error))?, key)
            .map_err(|error| invalid(&error))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Whether and when connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmtpTls {
    /// Never.
    None,
    /// After `STARTTLS`, and nothing is taken before it.
    StartTls(Pem),
    /// From the first byte.
    Implicit(Pem),
}
