//! An event that cannot wait for the disk: sent while nothing can be written, and put on record afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{DeliveryAttempt, DeliveryState, Event, HookTarget, Webhook, WebhookId};
use aviary_kernel::store::tables::{EVENTS, WEBHOOKS};
use aviary_kernel::store::{Read, Span, WriteTx};
use futures_util::future::join_all;
use tracing::error;

use super::Webhooks;
use super::mark::{BETWEEN_TRIES, Tried, note, over};
use crate::events::{self, Happening, wants};

/// An event that is not on disk yet, and what became of it so far. It is gone when the process ends.
#[derive(Clone)]
pub(crate) struct Unwritten {
    event: Event,
    sent: BTreeMap<WebhookId, Sent>,
}

/// What became of it at one webhook.
#[derive(Clone, Default)]
struct Sent {
    attempts: Vec<DeliveryAttempt>,
    /// When it was taken.
    taken_at: Option<Timestamp>,
    /// Not again before this.
    next_at: Timestamp,
}

impl Unwritten {
    /// Something that happens now.
    pub(crate) fn new(env: &Env, happening: &Happening) -> Result<Self> {
        Ok(Self { event: events::unwritten(env, happening, None)?, sent: BTreeMap::new() })
    }

    fn is_due(&self, hook: WebhookId, now: Timestamp) -> bool {
        self.sent.get(&hook).is_none_or(|sent| sent.taken_at.is_none() && sent.next_at <= now)
    }

    fn note(&mut self, hook: WebhookId, tried: &Tried, now: Timestamp) {
        let sent = self.sent.entry(hook).or_default();
        let wait = BETWEEN_TRIES.get(sent.attempts.len()).or(BETWEEN_TRIES.last());
        let wait = Duration::from_secs(wait.copied().unwrap_or_default());
        let asked = tried.attempt.retry_after.max(tried.attempt.pause).unwrap_or_default();
        sent.next_at = now.plus(wait.max(asked));
        sent.taken_at = tried.attempt.outcome.is_ok().then_some(now);
        sent.attempts.push(tried.noted(1));
    }
}

impl Webhooks {
    /// Sends an event to the webhooks that want it and have not taken it yet, without writing anything. One that did not take it is
    /// tried again by a later call, after the usual pauses. Those that get mail hear of it when it is on record.
    ///
    /// # Errors
    /// When not even the webhooks can be read.
    pub(crate) async fn send_unwritten(&self, unwritten: &mut Unwritten) -> Result<()> {
        let hooks = self.store().read(|tx| tx.all(WEBHOOKS, &Span::all())).await?;
        let (now, event) = (self.env().now(), &unwritten.event);
        let due = hooks.into_iter().map(|(_, hook)| hook).filter(|hook| {
            let is_mail = matches!(hook.target, HookTarget::Mail { .. });
            let is_heard = wants(hook, event.name, event.panel) && self.lets_through(&hook.target);
            hook.is_enabled && !is_mail && is_heard && unwritten.is_due(hook.id, now)
        });
        let tries = due.map(|hook: Webhook| async move { (hook.id, self.try_one(&hook, event).await) });
        for (hook, tried) in join_all(tries).await {
            match tried {
                Ok(tried) => unwritten.note(hook, &tried, self.env().now()),
                Err(error) => {
                    error!(%error, webhook.id = %hook, "a webhook could not be told that the disk takes no writes")
                }
            }
        }
        Ok(())
    }

    /// Puts it on record as if it had been when it happened: what was taken is delivered, the rest is sent by a job. Does nothing
    /// when that was done before.
    pub(crate) fn record_unwritten(&self, tx: &mut WriteTx<'_>, unwritten: &Unwritten) -> Result<()> {
        let (event, now) = (&unwritten.event, self.env().now());
        if tx.get(EVENTS, &event.id)?.is_some() {
            return Ok(());
        }
        events::put_event(tx, self.env(), event)?;
        for (id, hook) in tx.all(WEBHOOKS, &Span::all())? {
            if !hook.is_enabled || !wants(&hook, event.name, event.panel) {
                continue;
            }
            let mut delivery = self.delivery_of(id, event);
            (delivery.asked_at, delivery.due_at) = (now, now);
            let sent = unwritten.sent.get(&id);
            for attempt in sent.iter().flat_map(|sent| &sent.attempts) {
                note(&mut delivery, attempt.clone());
            }
            match sent.and_then(|sent| sent.taken_at) {
                Some(at) => over(&mut delivery, DeliveryState::Delivered, at, None),
                // With all of its tries: what came before was not their turn.
                None => events::wake(tx, self.env(), id)?,
            }
            events::put_delivery(tx, self.env(), &delivery)?;
        }
        Ok(())
    }
}
