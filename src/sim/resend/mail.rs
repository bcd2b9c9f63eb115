//! A mail that Resend took.

use jiff::Timestamp;
use serde_json::{Value, json};

/// A mail that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResendMail {
    /// Its id, a UUID.
    pub id: String,
    /// When it was taken.
    pub at: Timestamp,
    /// `address` or `Name <address>`.
    pub from: String,
    /// Recipients, as written.
    pub to: Vec<String>,
    /// Copies.
    pub cc: Vec<String>,
    /// Blind copies.
    pub bcc: Vec<String>,
    /// Where answers go.
    pub reply_to: Vec<String>,
    /// Subject.
    pub subject: String,
    /// HTML part.
    pub html: Option<String>,
    /// Text part.
    pub text: Option<String>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// Names and values.
    pub tags: Vec<(String, String)>,
    /// The key under which it was sent.
    pub idempotency_key: Option<String>,
}

impl ResendMail {
    /// Bare addresses of all recipients, in small letters.
    pub fn recipients(&self) -> Vec<String> {
        self.to.iter().chain(&self.cc).chain(&self.bcc).map(|mailbox| address_of(mailbox)).collect()
    }

    /// About how much memory it takes.
    pub(crate) fn weight(&self) -> usize {
        let part = |part: &Option<String>| part.as_ref().map_or(0, String::len);
        self.subject.len() + part(&self.html) + part(&self.text)
    }

    /// <https://resend.com/docs/api-reference/emails/retrieve-email>
    pub(crate) fn show(&self, last_event: &str) -> Value {
        let list = |list: &Vec<String>| if list.is_empty() { Value::Null } else { json!(list) };
        json!({
            "object": "email",
            "id": self.id,
            "to": self.to,
            "from": self.from,
            "created_at": time(self.at),
            "subject": self.subject,
            "html": self.html,
            "text": self.text,
            "bcc": list(&self.bcc),
            "cc": list(&self.cc),
            "reply_to": list(&self.reply_to),
            "last_event": last_event,
            "scheduled_at": null,
            "tags": self.tags.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
        })
    }
}

/// A time as Resend writes it.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S.%6f+00").to_string()
}

/// The address in `Name <address>`, in small letters.
pub(crate) fn address_of(mailbox: &str) -> String {
    let inner = mailbox.rsplit_once('<').and_then(|(_, rest)| rest.trim_end().strip_suffix('>'));
    inner.unwrap_or(mailbox).trim().to_lowercase()
}

/// What is behind the `@`.
pub(crate) fn domain_of(mailbox: &str) -> String {
    address_of(mailbox).rsplit_once('@').map(|(_, domain)| domain.to_owned()).unwrap_or_default()
}
