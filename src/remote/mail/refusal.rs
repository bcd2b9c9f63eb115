//! What it means when a mail server says no, or something else happens to an SMTP connection. That depends on the step: a refused
//! sender is a matter of settings, a refused recipient one of this mail.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error;

use super::{MailError, MailErrorKind, SHOWN};
use crate::hidden::Hidden;
use crate::http::{chain, reason, tls_fault};
use crate::probe::tls;

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Connect,
    Secure,
    SignIn,
    Sender,
    Recipient,
    Content,
}

impl fmt::Display for Step {
    /// Fits after "the server said no".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "to the connection",
            Self::Secure => "to securing the connection",
            Self::SignIn => "to signing in",
            Self::Sender => "to the sender",
            Self::Recipient => "to the recipient",
            Self::Content => "to the mail",
        })
    }
}

/// The server that is spoken to.
#[derive(Clone, Copy)]
pub(crate) struct Server<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) patience: Duration,
    pub(crate) hidden: &'a Hidden,
}

impl Server<'_> {
    /// The name of the server is unknown.
    pub(crate) fn nowhere(&self) -> MailError {
        MailError::misconfigured(
            format!("the name {} leads to no address", self.host),
            "check the spelling, and the name server of this machine",
        )
    }

    /// The time for a step is over.
    pub(crate) fn too_late(&self, step: Step) -> MailError {
        let remedy = match step {
            Step::Connect => {
                "check host and port, whether the port wants TLS or STARTTLS, and the firewalls in between"
            }
            _ => "look at the log of the mail server; it is tried again",
        };
        let seconds = self.patience.as_secs_f32().ceil();
        MailError::later(format!("{} said nothing {step} within {seconds} seconds", self.host), remedy)
    }

    /// A step failed.
    pub(crate) fn failed(&self, step: Step, error: &Error) -> MailError {
        if let Some(fault) = chain(error).find_map(tls_fault) {
            return MailError::misconfigured(
                format!("no secure connection to {} came about: {}", self.host, tls(&fault)),
                "check the certificate of the mail server, and whether the port wants TLS or STARTTLS",
            );
        }
        if let Some(code) = error.status() {
            return self.refused(step, u16::from(code), error);
        }
        if error.is_timeout() {
            return self.too_late(step);
        }
        let cause = chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last();
        // The library tells the end of a connection in the middle of an answer only by these words.
        let is_over = cause.is_some() || chain(error).any(|cause| cause.to_string() == "incomplete response");
        if is_over { self.broke_off(step, cause) } else { self.made_no_sense(step, error) }
    }

    fn broke_off(&self, step: Step, cause: Option<&io::Error>) -> MailError {
        match (step, cause) {
            (Step::Connect, Some(cause)) => MailError::later(
                format!("no connection to {}, port {}: {}", self.host, self.port, reason(cause)),
                "check host and port, and whether a firewall lets this machine through",
            ),
            _ => MailError::later(
                format!("{} broke the connection off", self.host),
                "look at the log of the mail server; it is tried again",
            ),
        }
    }

    fn made_no_sense(&self, step: Step, error: &Error) -> MailError {
        let host = self.host;
        match step {
            Step::Secure if error.is_client() => MailError::misconfigured(
                format!("{host} offers no STARTTLS"),
                "choose TLS, with the port for it, usually 465",
            ),
            Step::SignIn if error.is_client() => MailError::misconfigured(
                format!("{host} offers no way to sign in that we know"),
                "leave out user and password if it needs none, or choose the port for submission, usually 465 or 587",
            ),
            Step::Connect => MailError::misconfigured(
                format!("what answers at {host}, port {}, is no mail server", self.port),
                "check host and port, and whether the port wants TLS or STARTTLS",
            ),
            _ => MailError::later(
                format!("{host} said {step} what makes no sense"),
                "look at the log of the mail server; it is tried again",
            ),
        }
    }

    fn refused(&self, step: Step, code: u16, error: &Error) -> MailError {
        let said = error.source().map(ToString::to_string).unwrap_or_default();
        let (kind, remedy) = verdict(step, code, &said);
        let excerpt = self.hidden.excerpt(said.as_bytes(), SHOWN);
        MailError { what: format!("{} said {code} {step}: {excerpt}", self.host), remedy: remedy.to_owned(), kind }
    }
}

fn verdict(step: Step, code: u16, said: &str) -> (MailErrorKind, &'static str) {
    use MailErrorKind::{Later, Misconfigured, Refused};
    // After RFC 4954, at whatever step.
    let wants_login = matches!(code, 530 | 534 | 535 | 538);
    match step {
        _ if code < 500 => (Later { after: None }, "nothing; it is tried again"),
        Step::SignIn => (Misconfigured, "set user and password of the mail server anew"),
        _ if wants_login => (Misconfigured, "set user and password of the mail server"),
        Step::Connect | Step::Secure => (Misconfigured, "look at the log of the mail server"),
        Step::Sender => (Misconfigured, "set a sender that this mail server takes"),
        // It would say so of every recipient that is not its own.
        Step::Recipient if said.to_lowercase().contains("relay") => {
            (Misconfigured, "sign in with a user, or have the mail server take mail from this machine")
        }
        Step::Recipient => (Refused, "check the recipient's address"),
        Step::Content => (Refused, "look at the text of this mail"),
    }
}
