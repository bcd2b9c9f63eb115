use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{AccountId, Email, EventId, JobId};
use crate::base::{Error, Sealed, Timestamp};

/// A mail: what it says, to whom, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// To whom.
    pub to: Email,
    /// What it says.
    pub says: MailContent,
    /// When it was written.
    pub written_at: Timestamp,
    /// Where it stands.
    pub state: MailState,
    /// The job that sends it.
    pub job: Option<JobId>,
    /// The mail service that took it, and what it calls it there.
    pub taken: Option<MailTaken>,
    /// The tries, oldest first; of many the latest [`Mail::ATTEMPTS`].
    pub attempts: Vec<MailAttempt>,
}

impl Mail {
    /// So many tries are kept.
    pub const ATTEMPTS: usize = 15;
}

/// What a mail says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MailContent {
    /// A letter to somebody about their account.
    Letter {
        /// Which.
        letter: Letter,
        /// Their account.
        account: AccountId,
        /// What they are called.
        name: String,
        /// The token in its link, sealed for `mails/<number>/token`.
        token: Option<Sealed>,
    },
    /// A template that another program filled in.
    Template {
        /// The subject.
        subject: String,
        /// The name of the template.
        template: String,
        /// What it is filled in with: a JSON object of texts, which may hold links that open accounts; sealed for
        /// `mails/<number>/values`.
        values: Sealed,
    },
    /// An event, to somebody who wants to hear of it.
    Event(EventId),
    /// A try whether mail works.
    Test,
}

/// Where a mail stands. Numbers are on disk: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailState {
    /// On its way.
    Waiting,
    /// Kept, since there is no mail service.
    Kept,
    /// Taken by the mail service.
    Sent,
    /// The mail service says that it arrived.
    Delivered,
    /// It came back.
    Bounced,
    /// The mail service does not take it.
    Refused,
    /// Every try failed.
    Failed,
    /// Not sent, since what it says is out of date, or somebody said so.
    Dropped,
}

impl MailState {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Kept,
        Self::Sent,
        Self::Delivered,
        Self::Bounced,
        Self::Refused,
        Self::Failed,
        Self::Dropped,
    ];

    /// The word, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Kept => "kept",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Bounced => "bounced",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// The number on disk.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl FromStr for MailState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|state| state.word() == text);
        found.ok_or_else(|| Error::invalid("state", format!("is one of {}", Self::ALL.map(Self::word).join(", "))))
    }
}

/// That a mail service took a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MailTaken {
    /// Such as `Resend` or the host of the SMTP server.
    pub service: String,
    /// What the mail is called there; empty = nothing.
    pub id: String,
    /// When.
    pub at: Timestamp,
}

/// A try to send a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MailAttempt {
    /// When it ended.
    pub at: Timestamp,
    /// Milliseconds it took.
    pub took_ms: u64,
    /// What went wrong and what to do about it; none = it was taken.
    pub error: Option<String>,
}

/// What a letter says. Numbers are on disk: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Letter {
    /// Prove that this address is yours.
    VerifyEmail,
    /// Set another password.
    ResetPassword,
    /// Sign in.
    MagicLink,
    /// Prove that this new address is yours.
    ChangeEmail,
    /// Somebody asked to change the address; sent to the old one, without a link.
    EmailWillChange,
    /// Somebody registered with this address, which has an account already; without a link.
    AlreadyRegistered,
    /// The password was changed; without a link.
    PasswordChanged,
}
