//! Until when the certificate of another machine is good. The connection is opened to read it and for nothing else, so an
//! expired, a self-signed or a foreign one is taken as it comes: it is not believed, it is looked at.

mod der;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aviary_kernel::base::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::outside::Outside;

/// How to look at certificates.
#[derive(Clone, Debug)]
pub struct CertificateOptions {
    /// How long it may take in all, the look-up of the name included.
    pub within: Duration,
    /// Where the connection may go; anywhere when none.
    pub outside: Option<Outside>,
}

impl Default for CertificateOptions {
    fn default() -> Self {
        Self { within: Duration::from_secs(10), outside: None }
    }
}

/// Why a certificate could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The connection may not go there. Nothing was sent.
    Forbidden,
    /// Nobody answered within the time.
    Silent,
    /// There was an answer, but no TLS.
    NoTls,
    /// A certificate came whose end cannot be read.
    Malformed,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "the connection may not go there",
            Self::Silent => "nobody answers",
            Self::NoTls => "no secure connection came about",
            Self::Malformed => "its certificate cannot be read",
        })
    }
}

impl std::error::Error for Unread {}

/// From when until when a certificate is good, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub until: Timestamp,
}

/// From when until when the certificate that `host` shows at `port` is good. `host` is a name or an address, as in a URL. Only the handshake is
/// made; proxies of the environment are not used.
///
/// # Errors
/// [`Unread`].
pub async fn certificate(host: &str, port: u16, options: &CertificateOptions) -> Result<Validity, Unread> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    tokio::time::timeout(options.within, look(host, port, options)).await.map_err(|_| Unread::Silent)?
}

async fn look(host: &str, port: u16, options: &CertificateOptions) -> Result<Validity, Unread> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Unread::Silent)?;
    let stream = connect(&addresses(host, port, options).await?).await?;
    let connector = TlsConnector::from(Arc::new(takes_anything().map_err(|_| Unread::NoTls)?));
    let mut stream = connector.connect(name, stream).await.map_err(|_| Unread::NoTls)?;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let validity = shown.and_then(|certificate| der::validity(certificate)).ok_or(Unread::Malformed);
    // Said for the sake of the other side's log; the answer is known.
    let _ = stream.shutdown().await;
    validity
}

async fn addresses(host: &str, port: u16, options: &CertificateOptions) -> Result<Vec<SocketAddr>, Unread> {
    let Some(outside) = &options.outside else {
        return Ok(tokio::net::lookup_host((host, port)).await.map_err(|_| Unread::Silent)?.collect());
    };
    let passed = outside.addresses(host, false).await.map_err(|_| Unread::Forbidden)?;
    Ok(passed.into_iter().map(|address| SocketAddr::new(address.ip(), port)).collect())
}

/// The first that takes a connection.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Unread> {
    for address in addresses {
        if let Ok(stream) = TcpStream::connect(address).await {
            return Ok(stream);
        }
    }
    Err(Unread::Silent)
}

fn takes_anything() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Anything { provider: provider.clone() });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Takes every certificate, since nothing is sent to whom shows it, and nothing but its end is read.
#[derive(Debug)]
struct Anything {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
