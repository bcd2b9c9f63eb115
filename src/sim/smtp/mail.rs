//! A mail that was taken.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::smtp::mime;
use crate::smtp::session::Envelope;

/// Characters of a part that the page shows.
const SHOWN: usize = 5_000;

/// A mail that was taken.
#[derive(Debug, Clone)]
pub struct SmtpMail {
    /// When.
    pub at: Timestamp,
    /// The sender of the envelope; empty for a bounce.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Who had signed in.
    pub user: Option<String>,
    /// It came over an encrypted connection.
    pub encrypted: bool,
    /// Headers in their order, unfolded and decoded.
    pub headers: Vec<(String, String)>,
    /// Everything that is no container, in its order.
    pub parts: Vec<Part>,
    /// The mail as it came, without the doubled dots.
    pub raw: Vec<u8>,
}

/// A part of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// In small letters, without parameters: `text/plain`.
    pub media: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// What is in it, decoded.
    pub body: Vec<u8>,
    /// What is in it as text, by its character set.
    pub text: String,
}

impl SmtpMail {
    pub(crate) fn new(at: Timestamp, envelope: Envelope, user: Option<String>, encrypted: bool, raw: Vec<u8>) -> Self {
        let (headers, parts) = mime::read(&raw);
        Self { at, from: envelope.from, to: envelope.to, user, encrypted, headers, parts, raw }
    }

    /// The first header of this name, in any spelling.
    pub fn header(&self, name: &str) -> Option<&str> {
        mime::header(&self.headers, name)
    }

    /// The subject, decoded.
    pub fn subject(&self) -> &str {
        self.header("subject").unwrap_or_default()
    }

    /// The first text part.
    pub fn text(&self) -> Option<&str> {
        self.part("text/plain")
    }

    /// The first HTML part.
    pub fn html(&self) -> Option<&str> {
        self.part("text/html")
    }

    fn part(&self, media: &str) -> Option<&str> {
        self.parts.iter().find(|part| part.media == media).map(|part| part.text.as_str())
    }

    pub(crate) fn show(&self) -> Value {
        let shown = |text: Option<&str>| text.map(|text| text.chars().take(SHOWN).collect::<String>());
        json!({
            "at": self.at.to_string(),
            "from": self.from,
            "to": self.to,
            "user": self.user,
            "encrypted": self.encrypted,
            "subject": self.subject(),
            "headers": self.headers,
            "text": shown(self.text()),
            "html": shown(self.html()),
            "bytes": self.raw.len(),
        })
    }
}
