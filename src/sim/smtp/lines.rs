//! Lines over a connection that may become encrypted.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::socket::{Doom, Socket};

/// Bytes of a command, the end of the line included.
const COMMAND: usize = 2_000;
/// Bytes of a mail that are read in one go.
const CHUNK: usize = 64 * 1024;

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection, read line by line.
pub(crate) struct Lines {
    stream: BufReader<Box<dyn Wire>>,
    doom: Doom,
    /// It is encrypted.
    pub(crate) encrypted: bool,
}

/// A line that was read.
pub(crate) enum Line {
    /// Without its end.
    Text(String),
    /// It was longer than a command may be.
    TooLong,
}

impl Lines {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let doom = Doom::default();
        let socket: Box<dyn Wire> = Box::new(Socket::new(stream, doom.clone()));
        Self { stream: BufReader::new(socket), doom, encrypted: false }
    }

    /// Encrypts from here on. What was sent ahead in the clear is thrown away.
    pub(crate) async fn encrypt(self, acceptor: &TlsAcceptor) -> io::Result<Self> {
        let stream: Box<dyn Wire> = Box::new(acceptor.accept(self.stream.into_inner()).await?);
        Ok(Self { stream: BufReader::new(stream), doom: self.doom, encrypted: true })
    }

    /// The next command; `None` at the end.
    pub(crate) async fn command(&mut self) -> io::Result<Option<Line>> {
        let (line, mut ended) = self.chunk(COMMAND).await?;
        if line.is_empty() {
            return Ok(None);
        }
        if ended {
            return Ok(Some(Line::Text(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())));
        }
        while !ended {
            let (rest, end) = self.chunk(CHUNK).await?;
            if rest.is_empty() {
                return Ok(None);
            }
            ended = end;
        }
        Ok(Some(Line::TooLong))
    }

    /// The next piece of a mail, with whether it ends a line; empty at the end.
    pub(crate) async fn piece(&mut self) -> io::Result<(Vec<u8>, bool)> {
        self.chunk(CHUNK).await
    }

    async fn chunk(&mut self, max: usize) -> io::Result<(Vec<u8>, bool)> {
        let mut line = Vec::new();
        (&mut self.stream).take(max as u64).read_until(b'\n', &mut line).await?;
        let ended = line.ends_with(b"\n");
        Ok((line, ended))
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// The connection ends in a reset when it is dropped.
    pub(crate) fn doom(&self) {
        self.doom.seal();
    }
}
