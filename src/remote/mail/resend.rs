//! [Resend](https://resend.com/docs/api-reference/emails/send-email), and whatever speaks its API.

use std::time::Duration;

use aviary_kernel::base::Secret;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use url::{Host, Url};

use super::message::mailbox;
use super::{Accepted, MailError, MailErrorKind, Outgoing, SHOWN};
use crate::hidden::Hidden;
use crate::http::{Answer, Ask, Http, HttpOptions, fits_a_header};

/// No answer that says anything is longer.
const LARGEST_ANSWER: usize = 256 << 10;
/// Characters of an idempotency key.
const LONGEST_KEY: usize = 256;
/// When a daily allowance is used up, one looks again after this.
const NEXT_LOOK: Duration = Duration::from_secs(60 * 60);

/// Sends mail through Resend.
pub struct Resend {
    http: Http,
    base: Url,
    key: Secret<String>,
    hidden: Hidden,
    patience: Duration,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// On its way.
    Sent,
    /// The recipient's server has it.
    Delivered,
    /// The recipient's server refused it, or it was never handed over. It will not arrive.
    Bounced,
    /// The recipient called it spam.
    Complained,
    /// The recipient's server does not take it at the moment; the service tries again.
    Delayed,
    /// The service does not tell, or not to this key.
    Unknown,
}

#[derive(Deserialize)]
struct Taken {
    id: String,
}

#[derive(Deserialize)]
struct Stored {
    last_event: Option<String>,
}

/// What Resend says with an error.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    name: String,
    message: String,
}

impl Resend {
    /// Where Resend itself answers.
    pub const DEFAULT_URL: &str = "https://api.resend.com";

    /// A client with a key, for the service at `base_url`. Keys go over HTTPS, except within this machine.
    ///
    /// # Errors
    /// [`MailErrorKind::Misconfigured`] when the address, the key or the options cannot be used.
    pub fn new(base_url: &str, key: &Secret<String>, options: &HttpOptions) -> Result<Self, MailError> {
        let base = base(base_url)?;
        let key = Secret::from(key.reveal().trim());
        if key.reveal().is_empty() || !fits_a_header(&key) {
            return Err(MailError::misconfigured(
                "the key of the mail service cannot be sent",
                "paste it again, whole and without line breaks",
            ));
        }
        let options = HttpOptions { max_body_bytes: LARGEST_ANSWER, ..options.clone() };
        let http = Http::new(&options, &base)?;
        let secrets = options.headers.iter().map(|(_, value)| value).chain([&key]);
        let hidden = Hidden::of(secrets.map(|secret| secret.reveal().clone()));
        Ok(Self { http, base, key, hidden, patience: options.request_timeout })
    }

    /// Hands a mail over. A second call with the same idempotency key is the same mail.
    ///
    /// # Errors
    /// [`MailError`], whose kind says what to do with the mail.
    pub async fn send(&self, mail: &Outgoing) -> Result<Accepted, MailError> {
        if mailbox(&mail.to).is_none() {
            return Err(MailError::refused("the recipient is no mail address", "correct the recipient's address"));
        }
        let mut ask = Ask::new(Method::POST, self.url(&["emails"])).body(body(mail).into());
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        ask.headers.insert(HeaderName::from_static("idempotency-key"), idempotency_key(&mail.idempotency_key)?);
        let answer = self.ask(ask).await?;
        if !matches!(answer.status, 200..=299) {
            return Err(self.refusal(&answer));
        }
        // When it cannot be read, the mail was probably taken; with the same key a second try finds out.
        let taken: Taken = serde_json::from_slice(&answer.body).map_err(|_| self.unreadable(&answer))?;
        Ok(Accepted { id: taken.id })
    }

    /// What became of a mail that was taken. A key that may only send gets [`DeliveryStatus::Unknown`].
    ///
    /// # Errors
    /// [`MailError`] when the service cannot be asked.
    pub async fn status(&self, id: &str) -> Result<DeliveryStatus, MailError> {
        let answer = self.ask(Ask::new(Method::GET, self.url(&["emails", id]))).await?;
        match (answer.status, &*said(&answer).name) {
            (200..=299, _) => {
                let stored: Stored = serde_json::from_slice(&answer.body).map_err(|_| self.unreadable(&answer))?;
                Ok(status_of(stored.last_event.as_deref().unwrap_or_default()))
            }
            (404, _) | (401, "restricted_api_key") => Ok(DeliveryStatus::Unknown),
            _ => Err(self.refusal(&answer)),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Answer, MailError> {
        let outcome = self.http.ask(&ask.bearer(Some(&self.key))).await;
        outcome.map_err(|broken| MailError::broken(&broken, self.host(), self.patience))
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    fn host(&self) -> &str {
        self.base.host_str().unwrap_or("the mail service")
    }

    fn unreadable(&self, answer: &Answer) -> MailError {
        MailError::later(
            format!("{} answered {} with something else than its API does", self.host(), answer.status),
            "check the address of the mail service, and what stands between",
        )
    }

    fn refusal(&self, answer: &Answer) -> MailError {
        let said = said(answer);
        let (kind, remedy) = verdict(answer, &said);
        let text = if said.message.is_empty() { &answer.body[..] } else { said.message.as_bytes() };
        let excerpt = self.hidden.excerpt(text, SHOWN);
        let told = if excerpt.is_empty() { String::new() } else { format!(": {excerpt}") };
        MailError { what: format!("{} answered {}{told}", self.host(), answer.status), remedy: remedy.to_owned(), kind }
    }
}

fn body(mail: &Outgoing) -> String {
    let mut body = json!({
        "from": mail.from,
        "to": [mail.to],
        "subject": mail.subject,
        "text": mail.text,
        // The service writes a Message-ID of its own; this one keeps mails of one subject apart.
        "headers": {"X-Entity-Ref-ID": mail.message_id},
    });
    if let Some(html) = &mail.html {
        body["html"] = json!(html);
    }
    if let Some(reply_to) = &mail.reply_to {
        body["reply_to"] = json!(reply_to);
    }
    body.to_string()
}

fn said(answer: &Answer) -> Said {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

/// After [their list of errors](https://resend.com/docs/api-reference/errors).
fn verdict(answer: &Answer, said: &Said) -> (MailErrorKind, &'static str) {
    use MailErrorKind::{Later, Misconfigured, Refused};
    let later = |otherwise| Later { after: answer.retry_after().or(otherwise) };
    let new_key = (Misconfigured, "make a new API key there and set it");
    match (answer.status, &*said.name) {
        (_, "missing_api_key" | "invalid_api_key" | "restricted_api_key") => new_key,
        // Said of a wrong key too.
        (400, "validation_error") if said.message.contains("API key") => new_key,
        (_, "invalid_from_address") => (Misconfigured, "correct the sender's address in the settings"),
        (_, "monthly_quota_exceeded") => (Misconfigured, "raise the allowance of the account at the mail service"),
        (_, "daily_quota_exceeded") => {
            (later(Some(NEXT_LOOK)), "wait, or raise the allowance of the account at the mail service")
        }
        (409, "concurrent_idempotent_requests") => (later(None), "nothing; it is tried again"),
        (401, _) => new_key,
        (403, _) => (Misconfigured, "verify the sender's domain there, and check what the key may do"),
        (300..=399, _) => (Misconfigured, "set the address that it sends to; redirects are not followed"),
        (404 | 405, _) => (Misconfigured, "check the address of the mail service"),
        (408 | 425 | 429 | 500..=599, _) => (later(None), "nothing; it is tried again"),
        _ => (Refused, "look at the recipient and the text of this mail"),
    }
}

fn status_of(event: &str) -> DeliveryStatus {
    match event {
        "queued" | "scheduled" | "sent" => DeliveryStatus::Sent,
        "delivered" | "opened" | "clicked" => DeliveryStatus::Delivered,
        "bounced" | "failed" | "suppressed" | "canceled" => DeliveryStatus::Bounced,
        "complained" => DeliveryStatus::Complained,
        "delivery_delayed" => DeliveryStatus::Delayed,
        _ => DeliveryStatus::Unknown,
    }
}

fn base(text: &str) -> Result<Url, MailError> {
    let bad = |why: &str| {
        let remedy = format!("write it like {}", Resend::DEFAULT_URL);
        Err(MailError::misconfigured(format!("the address of the mail service {why}"), remedy))
    };
    let Ok(mut url) = Url::parse(text.trim()) else { return bad("is no address") };
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        "http" => return bad("begins with http://, so the key could be read by anybody on the way"),
        _ => return bad("does not begin with https://"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return bad("holds a user name or a password");
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

fn idempotency_key(text: &str) -> Result<HeaderValue, MailError> {
    let value = HeaderValue::from_str(text).ok().filter(|_| (1..=LONGEST_KEY).contains(&text.chars().count()));
    value.ok_or_else(|| MailError::refused("the mail has no idempotency key that can be sent", "write the mail again"))
}
