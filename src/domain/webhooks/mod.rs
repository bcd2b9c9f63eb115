//! Webhooks: who wants to hear of events, and how they hear of them.
//!
//! * `change`, `faults`, `address`, `suits`: how they are made and changed, and what is refused.
//! * `deliver`, `next`, `post`, `mailed`, `mark`: the job that sends what waits for one webhook. One that is slow holds up no other.
//! * `embed`, `look`: what Discord shows.
//! * `again`, `list`, `forget`: what became of deliveries, and what people may do about it.
//! * `dispatch`, `try_out`: events that somebody asks for.
//! * `unwritten`: an event that is sent while the disk takes nothing.

mod address;
mod again;
mod change;
mod deliver;
mod dispatch;
mod embed;
mod faults;
mod forget;
mod list;
mod look;
mod mailed;
mod mark;
mod next;
mod outlook;
mod post;
mod suits;
mod try_out;
mod unwritten;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aviary_kernel::base::{Env, Error, Result, Sealer, Secret, Timestamp};
use aviary_kernel::model::{Action, DeliveryState, HookTarget, Webhook, WebhookId};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::WEBHOOKS;
use aviary_kernel::store::{Read, Span, Store, WriteTx};
use aviary_remote::hooks::{HookClient, HookOptions};
use url::Url;

use crate::audit::Did;
use crate::feed;
use crate::settings::Settings;

pub use aviary_remote::{Lookup, Outside};

pub use again::Again;
pub use change::{Made, NewTarget, NewWebhook, WebhookPatch};
pub use dispatch::Dispatched;
pub use list::{DeliveryPage, DeliveryQuery};
pub use mark::job_over;
pub use outlook::Outlook;
pub use suits::suited_events;
pub use try_out::Tried;
pub(crate) use unwritten::Unwritten;

/// How webhooks are spoken to.
#[derive(Clone, Debug)]
pub struct WebhookOptions {
    /// How long an attempt may take in all.
    pub timeout: Duration,
    /// Where requests may go beside the public internet.
    pub outside: Outside,
    /// Certificates (PEM) that are trusted beside those of the operating system.
    pub ca_file: Option<PathBuf>,
}

/// The webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    env: Env,
    sealer: Arc<Sealer>,
    settings: Settings,
    client: HookClient,
    outside: Outside,
    /// Until when nothing is sent to these. A restart may forget it: the other side then says it again.
    pauses: Mutex<HashMap<WebhookId, Timestamp>>,
}

/// How many deliveries of a webhook are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Wait to be sent.
    pub waiting: u64,
    /// Were taken by the other side.
    pub delivered: u64,
    /// Were given up.
    pub failed: u64,
    /// Were not sent.
    pub dropped: u64,
}

/// A webhook, and what became of its deliveries.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The webhook.
    pub webhook: Webhook,
    /// Its deliveries.
    pub counts: DeliveryCounts,
}

impl Webhooks {
    /// The webhooks in `store`.
    ///
    /// # Errors
    /// [`Error::Unusable`] when no client can be made, such as for want of a file with certificates.
    pub fn new(
        store: Store,
        env: Env,
        sealer: Arc<Sealer>,
        settings: Settings,
        options: WebhookOptions,
    ) -> Result<Self> {
        let WebhookOptions { timeout, outside, ca_file } = options;
        let options =
            HookOptions { request_timeout: timeout, outside: outside.clone(), ca_file, ..HookOptions::default() };
        let client = HookClient::new(&options)
            .map_err(|unusable| Error::Unusable(format!("{}; {}", unusable.what, unusable.remedy)))?;
        let pauses = Mutex::default();
        Ok(Self { inner: Arc::new(Inner { store, env, sealer, settings, client, outside, pauses }) })
    }

    /// Every webhook, newest first, with the counts of its deliveries.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn all(&self) -> Result<Vec<Listed>> {
        self.inner
            .store
            .read(|tx| {
                let hooks = tx.all(WEBHOOKS, &Span::all())?.into_iter().rev();
                hooks.map(|(id, webhook)| Ok(Listed { webhook, counts: counts(tx, id)? })).collect()
            })
            .await
    }

    /// One webhook.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn require(&self, id: WebhookId) -> Result<Listed> {
        self.inner.store.read(move |tx| Ok(Listed { webhook: require(tx, id)?, counts: counts(tx, id)? })).await
    }

    /// The addresses of the endpoints that events go to, opened: secrets. Discord looks after its own, and mail has none.
    pub(crate) async fn endpoints(&self) -> Result<Vec<Url>> {
        let hooks = self.store().read(|tx| tx.all(WEBHOOKS, &Span::all())).await?.into_iter().map(|(_, hook)| hook);
        let ours = hooks.filter(|hook| hook.is_enabled && matches!(hook.target, HookTarget::Http { .. }));
        ours.map(|hook| self.address(&hook)).collect()
    }

    /// Where requests may go.
    pub(crate) fn outside(&self) -> &Outside {
        &self.inner.outside
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    fn env(&self) -> &Env {
        &self.inner.env
    }

    /// Puts a webhook on disk, for those who look at it too.
    fn put(&self, tx: &mut WriteTx<'_>, hook: &Webhook) -> Result<()> {
        tx.put(WEBHOOKS, &hook.id, hook)?;
        feed::append(tx, self.env(), Change::Webhook(hook.id)).map(drop)
    }

    fn seal(&self, id: WebhookId, what: &str, secret: &Secret<String>) -> Result<aviary_kernel::base::Sealed> {
        self.inner.sealer.seal(&place(id, what), secret.reveal())
    }

    fn open(&self, id: WebhookId, what: &str, sealed: &aviary_kernel::base::Sealed) -> Result<Secret<String>> {
        self.inner.sealer.open(&place(id, what), sealed)
    }

    /// Nothing is sent to a webhook before this time. A pause is never made shorter.
    fn pause(&self, id: WebhookId, until: Timestamp) {
        let mut pauses = self.inner.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = pauses.entry(id).or_insert(until);
        *kept = until.max(*kept);
    }

    fn end_pause(&self, id: WebhookId) {
        self.inner.pauses.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Until when nothing is sent to a webhook; none = it may be.
    fn paused_until(&self, id: WebhookId) -> Option<Timestamp> {
        let now = self.env().now();
        let mut pauses = self.inner.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        let until = pauses.get(&id).copied().filter(|until| *until > now);
        if until.is_none() {
            pauses.remove(&id);
        }
        until
    }
}

/// How many deliveries of a webhook are in each state.
fn counts(reader: &impl Read, id: WebhookId) -> Result<DeliveryCounts> {
    let count = |state: DeliveryState| reader.count(state.counter(id));
    Ok(DeliveryCounts {
        waiting: count(DeliveryState::Waiting)?,
        delivered: count(DeliveryState::Delivered)?,
        failed: count(DeliveryState::Failed)?,
        dropped: count(DeliveryState::Dropped)?,
    })
}

fn require(reader: &impl Read, id: WebhookId) -> Result<Webhook> {
    reader.get(WEBHOOKS, &id)?.ok_or_else(|| Error::not_found("webhook", id))
}

/// The beginning of an audit event about a webhook.
fn about(hook: &Webhook, action: Action) -> Did {
    Did::new(action).to("webhook", hook.id, hook.name.clone())
}

/// What a value of a webhook is sealed for.
fn place(id: WebhookId, what: &str) -> String {
    format!("webhooks/{id}/{what}")
}

/// The address of a webhook as it may be shown; none for mail.
pub fn shown_address(target: &HookTarget) -> Option<&str> {
    match target {
        HookTarget::Discord { shown, .. } | HookTarget::Http { shown, .. } => Some(shown),
        HookTarget::Mail { .. } => None,
    }
}
