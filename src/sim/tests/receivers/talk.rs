//! A mail client that says what it is told to, line by line.

use std::sync::Arc;

use aviary_sim::{Pem, Smtp};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::ask::soon;

pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection to a mail server.
pub(crate) struct Talk(BufReader<Box<dyn Wire>>);

impl Talk {
    /// Connects without waiting for the greeting.
    pub(crate) async fn silent(smtp: &Smtp) -> Self {
        let stream = TcpStream::connect(smtp.address()).await.expect("a connection");
        Self(BufReader::new(Box::new(stream)))
    }

    /// Connects and is greeted.
    pub(crate) async fn greeted(smtp: &Smtp) -> Self {
        let mut talk = Self::silent(smtp).await;
        assert!(talk.answer().await.starts_with("220 "));
        talk
    }

    /// Connects, is greeted, and says EHLO.
    pub(crate) async fn ready(smtp: &Smtp) -> Self {
        let mut talk = Self::greeted(smtp).await;
        assert!(talk.say("EHLO test").await.ends_with("250 8BITMIME"));
        talk
    }

    /// Encrypts, trusting one authority.
    pub(crate) async fn encrypt(self, pem: &Pem) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(pem.authority.as_bytes()).expect("PEM")).expect("an authority");
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(Arc::new(config)).connect(name, self.0.into_inner()).await?;
        Ok(Self(BufReader::new(Box::new(stream))))
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("sent");
        self.0.flush().await.expect("sent");
    }

    /// Says one line and returns the answer.
    pub(crate) async fn say(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r\n")).await;
        self.answer().await
    }

    /// Says one line and returns the code of the answer.
    pub(crate) async fn code(&mut self, line: &str) -> u16 {
        self.say(line).await[..3].parse().expect("a code")
    }

    /// A whole answer without its last line end; empty when the connection ended.
    pub(crate) async fn answer(&mut self) -> String {
        self.try_answer().await.expect("the connection is whole")
    }

    pub(crate) async fn try_answer(&mut self) -> std::io::Result<String> {
        let mut answer = String::new();
        loop {
            let from = answer.len();
            let read = soon(self.0.read_line(&mut answer)).await?;
            if read == 0 || answer.as_bytes().get(from + 3) != Some(&b'-') {
                return Ok(answer.trim_end().to_owned());
            }
        }
    }

    /// Hands a mail in and returns the code of the last answer.
    pub(crate) async fn mail(&mut self, to: &str, content: &str) -> u16 {
        for line in ["MAIL FROM:<watch@reef.example>", &format!("RCPT TO:<{to}>"), "DATA"] {
            let code = self.code(line).await;
            if code >= 400 {
                return code;
            }
        }
        self.code(&format!("{content}\r\n.")).await
    }
}
