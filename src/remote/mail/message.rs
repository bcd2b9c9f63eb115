//! A mail as it goes over the wire. Whatever stands in its parts, none of them can add a header or a recipient.

use std::time::{Duration, UNIX_EPOCH};

use aviary_kernel::base::Timestamp;
use lettre::Message;
use lettre::message::{Mailbox, MultiPart};

use super::{MailError, Outgoing};

/// Writes the mail, with `now` as its date.
pub(crate) fn written(mail: &Outgoing, now: Timestamp) -> Result<Message, MailError> {
    let from = mailbox(&mail.from).ok_or_else(|| {
        MailError::misconfigured("the sender is no mail address", "write it like Aviary <aviary@example.com>")
    })?;
    let to = mailbox(&mail.to)
        .ok_or_else(|| MailError::refused("the recipient is no mail address", "correct the recipient's address"))?;
    if !is_message_id(&mail.message_id) {
        return Err(MailError::refused("the mail has no id that can be sent", "write the mail again"));
    }
    let date = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.millis()).unwrap_or(0));
    let id = Some(mail.message_id.clone());
    let mut builder = Message::builder().from(from).to(to).subject(&mail.subject).date(date).message_id(id);
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(mailbox(reply_to).ok_or_else(|| {
            MailError::misconfigured("the address for answers is no mail address", "correct it in the settings")
        })?);
    }
    let built = match &mail.html {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone())),
        None => builder.body(mail.text.clone()),
    };
    built.map_err(|error| MailError::refused(format!("the mail cannot be written: {error}"), "write the mail again"))
}

/// An address, with or without a name before it.
pub(crate) fn mailbox(text: &str) -> Option<Mailbox> {
    if text.chars().any(char::is_control) { None } else { text.trim().parse().ok() }
}

fn is_message_id(text: &str) -> bool {
    let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or_default();
    let is_plain = inner.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'));
    let halves = inner.split_once('@');
    is_plain && halves.is_some_and(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains('@'))
}
