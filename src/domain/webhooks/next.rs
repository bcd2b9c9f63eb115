//! What waits for a webhook.

use std::collections::HashMap;
use std::ops::ControlFlow;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Delivery, DeliveryId, Event, EventName, HookTarget, Webhook, WebhookId};
use aviary_kernel::store::tables::{DELIVERIES, DELIVERIES_DUE, EVENTS, WEBHOOKS};
use aviary_kernel::store::{Direction, Read, Span};

use super::embed::ALONE;

/// Deliveries to an endpoint that are taken at a time.
const HTTP_AT_ONCE: usize = 64;
/// Events that are looked at for messages to Discord, so that a burst becomes few messages.
const DISCORD_AT_ONCE: usize = 1000;
/// Mails that are written in one commit.
const MAIL_AT_ONCE: usize = 50;

/// What is to be done for a webhook.
pub(super) enum Next {
    /// Nothing waits.
    Nothing,
    /// It is turned off or gone: nothing is sent.
    Off,
    /// Something waits until then.
    At(Timestamp),
    /// This is due.
    Due(Box<Due>),
}

/// What is due, the oldest first.
pub(super) struct Due {
    pub(super) hook: Webhook,
    pub(super) waiting: Vec<Waiting>,
}

/// A delivery that is due.
pub(super) struct Waiting {
    pub(super) delivery: Delivery,
    /// None = the event is not known any more.
    pub(super) event: Option<Event>,
}

/// Looks what is to be done for a webhook, to which nothing is sent until `paused`.
pub(super) fn next(reader: &impl Read, id: WebhookId, now: Timestamp, paused: Option<Timestamp>) -> Result<Next> {
    let Some(hook) = reader.get(WEBHOOKS, &id)?.filter(|hook| hook.is_enabled) else { return Ok(Next::Off) };
    let (ids, first) = due(reader, id, now, most(&hook))?;
    let Some(first) = first else { return Ok(Next::Nothing) };
    if let Some(paused) = paused {
        return Ok(Next::At(paused.max(first)));
    }
    if ids.is_empty() {
        return Ok(Next::At(first));
    }
    Ok(Next::Due(Box::new(Due { hook, waiting: load(reader, ids)? })))
}

/// An endpoint in trouble is tried with one message at a time.
fn most(hook: &Webhook) -> usize {
    match hook.target {
        HookTarget::Http { .. } if hook.failures > 0 => 1,
        HookTarget::Http { .. } => HTTP_AT_ONCE,
        HookTarget::Discord { .. } => DISCORD_AT_ONCE,
        HookTarget::Mail { .. } => MAIL_AT_ONCE,
    }
}

/// What is due now, and when the first of all is, or was.
fn due(reader: &impl Read, id: WebhookId, now: Timestamp, most: usize) -> Result<(Vec<DeliveryId>, Option<Timestamp>)> {
    let (mut ids, mut first) = (Vec::new(), None);
    reader.walk_index(DELIVERIES_DUE, &Span::prefix(&id), Direction::Up, |(_, due_at, delivery)| {
        first = first.or(Some(due_at));
        if due_at > now {
            return Ok(ControlFlow::Break(()));
        }
        ids.push(delivery);
        Ok(if ids.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok((ids, first))
}

fn load(reader: &impl Read, ids: Vec<DeliveryId>) -> Result<Vec<Waiting>> {
    let mut waiting = Vec::new();
    let mut of_name: HashMap<EventName, usize> = HashMap::new();
    for id in ids {
        let Some(delivery) = reader.get(DELIVERIES, &id)? else { continue };
        let mut event = reader.get(EVENTS, &delivery.event)?;
        let count = of_name.entry(delivery.name).or_default();
        *count += 1;
        // Of what becomes one of many in a message only the sentence is shown; the facts of a burst may be large.
        if let Some(event) = event.as_mut().filter(|_| *count > ALONE.max(HTTP_AT_ONCE)) {
            event.data = "{}".into();
        }
        waiting.push(Waiting { delivery, event });
    }
    Ok(waiting)
}
