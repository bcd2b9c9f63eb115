//! [Resend](https://resend.com/docs/api-reference/emails/send-email): `POST /emails`, `GET /emails/{id}`, `GET /domains`.
//!
//! What is not simulated: batches, schedules, templates, and fetching attachments.

mod desk;
mod form;
mod mail;
mod refusal;

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::SimClock;
use crate::receiver::{Inbox, Receiver};
use desk::Desk;

pub use mail::ResendMail;

/// A domain of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResendDomain {
    /// Its name.
    pub name: String,
    /// Mail from it is taken.
    pub verified: bool,
}

/// What the simulated Resend should be.
#[derive(Debug, Clone)]
pub struct ResendSpec {
    /// Where to listen; `None` takes a free port of this machine.
    pub address: Option<SocketAddr>,
    /// The key with full access.
    pub api_key: String,
    /// A key that may only send.
    pub sending_key: String,
    /// The account's domains.
    pub domains: Vec<ResendDomain>,
    /// Requests per window, whatever the key; 0 for no limit.
    pub limit: u32,
    /// The window of the limit.
    pub window: Duration,
    /// Mails to `example.com` and `test.com` are refused, as Resend does.
    pub refuses_example_domains: bool,
    /// How long, by the clock, a mail is `sent` before what became of it is known.
    pub settles_after: Duration,
    /// Bytes of a body that are taken.
    pub max_body: usize,
    /// Where "now" comes from.
    pub clock: SimClock,
}

impl Default for ResendSpec {
    fn default() -> Self {
        Self {
            address: None,
            api_key: "re_Simulated_0123456789abcdefghijABCDEF".to_owned(),
            sending_key: "re_SendOnly_0123456789abcdefghijABCDEFG".to_owned(),
            domains: vec![ResendDomain { name: "reef.example".to_owned(), verified: true }],
            limit: 2,
            window: Duration::from_secs(1),
            refuses_example_domains: true,
            settles_after: Duration::ZERO,
            max_body: 40 * 1024 * 1024,
            clock: SimClock::system(),
        }
    }
}

/// A running Resend. It stops when dropped. What it shares with other receivers is in [`Receiver`].
pub struct Resend {
    desk: Arc<Desk>,
    receiver: Receiver,
}

impl Resend {
    /// Starts it.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn start(spec: ResendSpec) -> io::Result<Self> {
        let address = spec.address;
        let desk = Arc::new(Desk::new(spec));
        let receiver = Receiver::open(desk.clone(), address).await?;
        Ok(Self { desk, receiver })
    }

    /// The key with full access.
    pub fn api_key(&self) -> &str {
        &self.desk.spec.api_key
    }

    /// The key that may only send.
    pub fn sending_key(&self) -> &str {
        &self.desk.spec.sending_key
    }

    /// The mails that were taken, each once however often it was sent under the same `Idempotency-Key`.
    pub fn mails(&self) -> &Inbox<ResendMail> {
        &self.desk.mails
    }

    /// What became of a mail, as Resend names it: `sent`, `delivered`, `bounced` …
    pub fn last_event(&self, mail: &ResendMail) -> String {
        self.desk.last_event(mail)
    }

    /// Mails to this address end with this event from now on, those that are there too: `bounced`, `complained`, `suppressed`,
    /// `delivery_delayed`, `failed`, `delivered`. Resend's own test addresses need no help.
    pub fn set_fate(&self, address: &str, event: &str) {
        self.desk.set_fate(address, event);
    }

    /// A domain is added, or verified or not from now on.
    pub fn set_domain(&self, domain: ResendDomain) {
        self.desk.set_domain(domain);
    }

    /// Another rate limit from the next window on; 0 for none.
    pub fn set_limit(&self, limit: u32, window: Duration) {
        self.desk.set_limit(limit, window);
    }

    /// So many mails are left for today; `None` for no quota.
    pub fn set_quota(&self, left: Option<u32>) {
        self.desk.set_quota(left);
    }
}

impl Deref for Resend {
    type Target = Receiver;

    fn deref(&self) -> &Receiver {
        &self.receiver
    }
}
