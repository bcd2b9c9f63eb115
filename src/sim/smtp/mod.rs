//! A mail server as [RFC 5321](https://www.rfc-editor.org/rfc/rfc5321) describes it, for those who hand mail in: `SIZE`,
//! `PIPELINING`, `8BITMIME`, `AUTH PLAIN` and `LOGIN`, TLS from the start or by `STARTTLS`.
//!
//! It takes every mail and sends none on. People see what came on a page of its own (`Smtp::window`).

mod commands;
mod desk;
mod lines;
mod localhost;
mod mail;
mod mime;
mod session;
mod tls;
mod trouble;
mod words;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::SimClock;
use crate::fault::Faults;
use crate::receiver::{Inbox, Receiver, bind};
use crate::socket;
use desk::Desk;

pub use desk::SmtpCommand;
pub use mail::{Part, SmtpMail};
pub use tls::{Pem, SmtpTls};
pub use trouble::SmtpTrouble;

/// What the simulated mail server should be.
#[derive(Debug, Clone)]
pub struct SmtpSpec {
    /// Where to listen; `None` takes a free port of this machine.
    pub address: Option<SocketAddr>,
    /// Where to show what came, over HTTP; `None` takes a free port of this machine.
    pub window: Option<SocketAddr>,
    /// How it greets.
    pub hostname: String,
    /// Names and passwords. When there are any, mail is taken only from who has signed in.
    pub users: Vec<(String, String)>,
    /// Encryption. With `STARTTLS`, nothing else is done before it.
    pub tls: SmtpTls,
    /// Bytes of a mail that are taken.
    pub max_size: usize,
    /// Where "now" comes from.
    pub clock: SimClock,
}

impl Default for SmtpSpec {
    fn default() -> Self {
        Self {
            address: None,
            window: None,
            hostname: "mail.reef.example".to_owned(),
            users: Vec::new(),
            tls: SmtpTls::None,
            max_size: 10 * 1024 * 1024,
            clock: SimClock::system(),
        }
    }
}

/// A running mail server. It stops when dropped.
pub struct Smtp {
    desk: Arc<Desk>,
    window: Receiver,
    address: SocketAddr,
    server: Mutex<Option<JoinHandle<()>>>,
}

impl Smtp {
    /// Starts it.
    ///
    /// # Errors
    /// When an address is taken or not ours, or the certificate and its key are none (`InvalidInput`).
    pub async fn start(spec: SmtpSpec) -> io::Result<Self> {
        let (address, window) = (spec.address, spec.window);
        let desk = Arc::new(Desk::new(spec)?);
        let listener = bind(address).await?;
        let address = listener.local_addr()?;
        let window = Receiver::open(desk.clone(), window).await?;
        let server = tokio::spawn(accept(Arc::clone(&desk), listener));
        Ok(Self { desk, window, address, server: Mutex::new(Some(server)) })
    }

    /// The socket's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The page on which people see what came, with its switches: `POST /_sim/faults` takes `{"do": "reply/550 5.1.1 No", "method":
    /// "RCPT", "path_contains": "bob@"}`, where `method` is a command and `path` what it is about.
    pub fn window(&self) -> &Receiver {
        &self.window
    }

    /// The mails that were taken.
    pub fn mails(&self) -> &Inbox<SmtpMail> {
        &self.desk.mails
    }

    /// All commands with their answers, of all connections.
    pub fn commands(&self) -> &Inbox<SmtpCommand> {
        &self.desk.commands
    }

    /// What goes wrong. A match's method is the command (`CONNECT`, `EHLO`, `STARTTLS`, `AUTH`, `MAIL`, `RCPT`, `DATA`, `MESSAGE` for the
    /// mail itself, `RSET`, `NOOP`, `QUIT`), its path what the command is about: the address for `MAIL` and `RCPT`, the sender for
    /// `DATA` and `MESSAGE`, the mechanism for `AUTH`.
    pub fn faults(&self) -> &Faults<SmtpTrouble> {
        &self.desk.faults
    }

    /// The most connections at once.
    pub fn max_connections(&self) -> usize {
        self.desk.connections.max()
    }

    /// Forgets everything that arrived. Switches stay as they are.
    pub fn forget(&self) {
        self.window.forget();
    }

    /// Closes the port and every connection; the page stays. Until [`Smtp::come_back`], connections are refused.
    pub async fn go_down(&self) {
        let server = self.server().take();
        if let Some(server) = server {
            server.abort();
            // The error says that the task was aborted, which is what was asked for.
            let _ = server.await;
        }
    }

    /// Opens the port again after [`Smtp::go_down`]. Does nothing when it is open.
    ///
    /// # Errors
    /// When somebody else has taken the port.
    pub async fn come_back(&self) -> io::Result<()> {
        if self.server().is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address).await?;
        *self.server() = Some(tokio::spawn(accept(Arc::clone(&self.desk), listener)));
        Ok(())
    }

    fn server(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        if let Some(server) = self.server().take() {
            server.abort();
        }
    }
}

async fn accept(desk: Arc<Desk>, listener: TcpListener) {
    socket::accept(listener, move |stream, _| session::serve(Arc::clone(&desk), stream)).await;
}
