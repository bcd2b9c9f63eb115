use std::fmt;
use std::time::Duration;

use crate::http::{Broken, Unusable};
use crate::probe::{NoAnswer, told};

/// Why a mail was not taken, with the way out. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailError {
    /// What happened, without a full stop; the service's own words are cut after 500 bytes.
    pub what: String,
    /// What a person should do, without a full stop.
    pub remedy: String,
    /// What the caller should do.
    pub kind: MailErrorKind,
}

/// What to do with a mail that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailErrorKind {
    /// Try it again later.
    Later {
        /// How long the service asks us to wait, at most a day.
        after: Option<Duration>,
    },
    /// Give this one up: it will never be taken. Others may be.
    Refused,
    /// Keep it: no mail is taken until somebody corrects the settings or the service's.
    Misconfigured,
}

impl MailError {
    pub(crate) fn later(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into(), kind: MailErrorKind::Later { after: None } }
    }

    pub(crate) fn refused(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into(), kind: MailErrorKind::Refused }
    }

    pub(crate) fn misconfigured(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into(), kind: MailErrorKind::Misconfigured }
    }

    /// No whole answer came over HTTP.
    pub(crate) fn broken(broken: &Broken, host: &str, patience: Duration) -> Self {
        let NoAnswer { what, remedy } = told(broken, host, patience);
        match broken {
            Broken::Dns | Broken::Tls(_) | Broken::Forbidden(_) => Self::misconfigured(what, remedy),
            _ => Self::later(what, remedy),
        }
    }
}

impl From<Unusable> for MailError {
    fn from(Unusable { what, remedy }: Unusable) -> Self {
        Self::misconfigured(what, remedy)
    }
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

impl std::error::Error for MailError {}
