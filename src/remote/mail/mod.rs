//! Handing mail to a service that delivers it, over HTTP ([`Resend`]) or SMTP ([`Smtp`]): one mail at a time, and what came of it
//! in the words that a queue needs.

mod error;
mod message;
mod refusal;
mod resend;
mod smtp;

pub use error::{MailError, MailErrorKind};
pub use resend::{DeliveryStatus, Resend};
pub use smtp::{Smtp, SmtpOptions};

/// Shown of what a service said, in bytes.
const SHOWN: usize = 500;

/// A mail that is ready to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The sender, as an address or like `Aviary <aviary@example.com>`.
    pub from: String,
    /// The recipient, in the same form.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text for readers that show no HTML.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// The id of the mail in its header, the same at each try: `<something@domain>`.
    pub message_id: String,
    /// Where answers go, when not to the sender.
    pub reply_to: Option<String>,
    /// By which a service that can tells a second try from a second mail, 1 to 256 characters.
    pub idempotency_key: String,
}

/// A mail was taken, which is not the same as delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What the service calls the mail, or said when it took it.
    pub id: String,
}
