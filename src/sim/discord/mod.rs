//! Discord's webhooks: [`POST /api/webhooks/{id}/{token}`](https://docs.discord.com/developers/resources/webhook#execute-webhook)
//! with its limits, its error bodies and its rate limit.
//!
//! What is not simulated: files and forms (a body that does not announce JSON counts as an empty form, as it does there),
//! threads, components, polls, and editing what was sent.

mod check;
mod desk;
mod message;
mod tree;

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::SimClock;
use crate::receiver::{Inbox, Receiver};
use desk::Desk;

pub use message::DiscordMessage;

/// A webhook that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscordWebhook {
    /// Its id, a number.
    pub id: u64,
    /// Its token.
    pub token: String,
    /// The name under which it speaks.
    pub name: String,
}

impl Default for DiscordWebhook {
    fn default() -> Self {
        Self {
            id: 1_300_000_000_000_000_001,
            token: "SimulatedWebhookToken0123456789-abcdefghijABCDEFGHIJ_0123456789abcdef".to_owned(),
            name: "Captain Hook".to_owned(),
        }
    }
}

/// What the simulated Discord should be.
#[derive(Debug, Clone)]
pub struct DiscordSpec {
    /// Where to listen; `None` takes a free port of this machine.
    pub address: Option<SocketAddr>,
    /// The webhooks that exist at the start.
    pub webhooks: Vec<DiscordWebhook>,
    /// Requests per webhook and window; 0 for no limit.
    pub limit: u32,
    /// The window of the limit.
    pub window: Duration,
    /// Bytes of a body that are taken.
    pub max_body: usize,
    /// Where "now" comes from: windows, times of messages.
    pub clock: SimClock,
}

impl Default for DiscordSpec {
    fn default() -> Self {
        Self {
            address: None,
            webhooks: vec![DiscordWebhook::default()],
            limit: 5,
            window: Duration::from_secs(2),
            max_body: 10 * 1024 * 1024,
            clock: SimClock::system(),
        }
    }
}

/// Who refuses everything for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refuses {
    /// Discord: 429 with `"global": true`.
    Discord,
    /// What stands in front of it: 429 with a line of text instead of JSON, as after too many bad requests.
    Edge,
}

/// A running Discord. It stops when dropped. What it shares with other receivers is in [`Receiver`].
pub struct Discord {
    desk: Arc<Desk>,
    receiver: Receiver,
}

impl Discord {
    /// Starts it.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn start(spec: DiscordSpec) -> io::Result<Self> {
        let address = spec.address;
        let desk = Arc::new(Desk::new(spec));
        let receiver = Receiver::open(desk.clone(), address).await?;
        Ok(Self { desk, receiver })
    }

    /// The address of the first webhook.
    ///
    /// # Panics
    /// When there is none.
    pub fn webhook_url(&self) -> String {
        let first = self.webhooks().into_iter().next().expect("a webhook was asked for, so there is one");
        self.url_of(&first)
    }

    /// The address of a webhook, whether it exists or not.
    pub fn url_of(&self, webhook: &DiscordWebhook) -> String {
        format!("{}/api/webhooks/{}/{}", self.url(), webhook.id, webhook.token)
    }

    /// The webhooks that exist.
    pub fn webhooks(&self) -> Vec<DiscordWebhook> {
        self.desk.webhooks()
    }

    /// A webhook comes into being; one with the same id is replaced.
    pub fn add_webhook(&self, webhook: DiscordWebhook) {
        self.desk.add(webhook);
    }

    /// A webhook is deleted: its address answers 404 from now on.
    pub fn delete_webhook(&self, id: u64) {
        self.desk.delete(id);
    }

    /// The messages that were posted.
    pub fn messages(&self) -> &Inbox<DiscordMessage> {
        &self.desk.messages
    }

    /// Another rate limit from the next window on; 0 for none.
    pub fn set_limit(&self, limit: u32, window: Duration) {
        self.desk.set_limit(limit, window);
    }

    /// Starts every window anew.
    pub fn reset_limits(&self) {
        self.desk.reset_limits();
    }

    /// Everything is answered with 429 for this long, by the clock.
    pub fn refuse_for(&self, who: Refuses, long: Duration) {
        self.desk.refuse_for(who, long);
    }
}

impl Deref for Discord {
    type Target = Receiver;

    fn deref(&self) -> &Receiver {
        &self.receiver
    }
}
