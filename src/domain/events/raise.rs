use std::collections::BTreeSet;

use aviary_kernel::base::{Env, Result};
use aviary_kernel::model::{
    Delivery, DeliveryId, DeliveryState, Event, EventId, EventName, JobKind, PanelId, Webhook, WebhookId,
};
use aviary_kernel::store::tables::WEBHOOKS;
use aviary_kernel::store::{Read, Span, WriteTx};
use serde_json::json;

use super::happening::Happening;
use super::rows::{put_delivery, put_event};
use crate::queue::{self, NewJob};

/// Who wants to hear of what. Loaded in a transaction and of use in that one only; for many events in one commit.
pub struct Listeners {
    hooks: Vec<Webhook>,
    woken: BTreeSet<WebhookId>,
}

/// Tells of something that happened; to be called in the transaction of what happened. The event, its deliveries and the jobs
/// that send them are on disk with it, or none of them is. Nothing is stored of a mirrored object of which nobody wants to hear.
///
/// # Errors
/// When the file cannot be read or written.
pub fn raise(tx: &mut WriteTx<'_>, env: &Env, happening: &Happening) -> Result<Option<EventId>> {
    Listeners::load(tx)?.raise(tx, env, happening)
}

impl Listeners {
    /// Reads who listens.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn load(reader: &impl Read) -> Result<Self> {
        let mut hooks: Vec<_> = reader.all(WEBHOOKS, &Span::all())?.into_iter().map(|(_, hook)| hook).collect();
        hooks.retain(|hook| hook.is_enabled);
        Ok(Self { hooks, woken: BTreeSet::new() })
    }

    /// Whether anybody wants to hear of this. The facts of an event that nobody wants need not be collected.
    pub fn want(&self, event: EventName, panel: Option<PanelId>) -> bool {
        self.hooks.iter().any(|hook| wants(hook, event, panel))
    }

    /// As [`raise`].
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn raise(&mut self, tx: &mut WriteTx<'_>, env: &Env, happening: &Happening) -> Result<Option<EventId>> {
        let (name, panel) = (happening.name(), happening.panel());
        let to: Vec<_> = self.hooks.iter().filter(|hook| wants(hook, name, panel)).map(|hook| hook.id).collect();
        if to.is_empty() && name.is_of_mirror() {
            return Ok(None);
        }
        let event = post(tx, env, happening, None)?;
        for hook in to {
            send(tx, env, &event, hook)?;
            if self.woken.insert(hook) {
                wake(tx, env, hook)?;
            }
        }
        Ok(Some(event.id))
    }
}

/// Whether a webhook is to hear of an event.
pub(crate) fn wants(hook: &Webhook, event: EventName, panel: Option<PanelId>) -> bool {
    let of_panel = hook.panels.is_empty() || panel.is_some_and(|panel| hook.panels.contains(&panel));
    of_panel && event.weight() >= hook.least && hook.events.iter().any(|pattern| pattern.covers(event))
}

/// Stores an event, for nobody yet.
pub(crate) fn post(tx: &mut WriteTx<'_>, env: &Env, happening: &Happening, posted_by: Option<&str>) -> Result<Event> {
    let event = unwritten(env, happening, posted_by)?;
    put_event(tx, env, &event)?;
    Ok(event)
}

/// An event that happens now and is not stored yet.
pub(crate) fn unwritten(env: &Env, happening: &Happening, posted_by: Option<&str>) -> Result<Event> {
    Ok(Event {
        id: env.ids.next(),
        name: happening.name(),
        at: env.now(),
        panel: happening.panel(),
        summary: happening.summary(),
        data: happening.data()?,
        posted_by: posted_by.map(str::to_owned),
    })
}

/// Puts an event on its way to a webhook, which must be woken then.
pub(crate) fn send(tx: &mut WriteTx<'_>, env: &Env, event: &Event, webhook: WebhookId) -> Result<DeliveryId> {
    let now = env.now();
    let delivery = Delivery {
        id: env.ids.next(),
        webhook,
        event: event.id,
        name: event.name,
        state: DeliveryState::Waiting,
        created_at: now,
        asked_at: now,
        due_at: now,
        finished_at: None,
        why: None,
        tries: 0,
        attempts: Vec::new(),
    };
    put_delivery(tx, env, &delivery)?;
    Ok(delivery.id)
}

/// Sees to it that what waits for a webhook is sent.
pub(crate) fn wake(tx: &mut WriteTx<'_>, env: &Env, webhook: WebhookId) -> Result<()> {
    let job = NewJob::new(JobKind::Deliver).args(&json!({ "webhook": webhook }))?;
    queue::enqueue(tx, env, job.unique_again(job_name(webhook))).map(drop)
}

/// The name of the one job that sends what waits for a webhook.
pub(crate) fn job_name(webhook: WebhookId) -> String {
    format!("deliver/{webhook}")
}
