//! What the sessions share, and the page on which people see it.

use std::io;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use crate::fault::{Faults, Match};
use crate::gauge::Gauge;
use crate::receiver::{Common, Inbox, Received, Service};
use crate::reply::Reply;
use crate::smtp::{SmtpMail, SmtpSpec, SmtpTls, SmtpTrouble};

/// A command and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpCommand {
    /// When.
    pub at: Timestamp,
    /// The command in capitals; `CONNECT` for the greeting and `MESSAGE` for the mail itself.
    pub verb: String,
    /// What it was about: an address, a mechanism; never a password.
    pub about: String,
    /// The code of the answer; 0 when none was given.
    pub code: u16,
}

/// What the sessions share.
pub(crate) struct Desk {
    pub(crate) spec: SmtpSpec,
    pub(crate) acceptor: Option<TlsAcceptor>,
    pub(crate) faults: Faults<SmtpTrouble>,
    pub(crate) mails: Inbox<SmtpMail>,
    pub(crate) commands: Inbox<SmtpCommand>,
    pub(crate) connections: Gauge,
    common: Common,
}

impl Desk {
    pub(crate) fn new(spec: SmtpSpec) -> io::Result<Self> {
        let acceptor = match &spec.tls {
            SmtpTls::None => None,
            SmtpTls::StartTls(pem) | SmtpTls::Implicit(pem) => Some(pem.acceptor()?),
        };
        Ok(Self {
            acceptor,
            faults: Faults::default(),
            mails: Inbox::default(),
            commands: Inbox::default(),
            connections: Gauge::default(),
            common: Common::new(spec.clock.clone()),
            spec,
        })
    }

    pub(crate) fn knows(&self, user: &str, password: &str) -> bool {
        self.spec.users.iter().any(|(name, secret)| name == user && secret == password)
    }
}

/// Bytes that a remembered command is taken to need.
const COMMAND: usize = 100;

impl Desk {
    pub(crate) fn note(&self, verb: &str, about: &str, code: u16) {
        let at = self.spec.clock.now();
        let command = SmtpCommand { at, verb: verb.to_owned(), about: about.to_owned(), code };
        self.commands.put(command, COMMAND + about.len());
    }
}

impl Service for Desk {
    fn common(&self) -> &Common {
        &self.common
    }

    fn max_body(&self) -> usize {
        64 * 1024
    }

    fn answer(&self, _: &Received) -> Reply {
        self.failure(404, None)
    }

    fn failure(&self, status: u16, _: Option<u32>) -> Reply {
        Reply { status, ..Reply::text("This is where the mail server shows what came: GET /\n") }
    }

    fn list(&self, newest: usize) -> Value {
        let command = |command: &SmtpCommand| json!({ "at": command.at.to_string(), "verb": command.verb, "about": command.about, "code": command.code });
        json!({
            "total": self.mails.total(),
            "mails": self.mails.newest(newest).iter().map(SmtpMail::show).collect::<Vec<_>>(),
            "commands": self.commands.newest(newest).iter().map(command).collect::<Vec<_>>(),
        })
    }

    fn forget(&self) {
        self.mails.clear();
        self.commands.clear();
        self.connections.reset();
    }

    fn arm(&self, when: Match, what: &str) -> Result<u64, String> {
        Ok(self.faults.add(when, what.parse()?))
    }

    fn disarm(&self) {
        self.faults.clear();
    }
}
