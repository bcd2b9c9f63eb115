use std::ops::ControlFlow;

use aviary_kernel::base::{Cursor, Error, Result};
use aviary_kernel::model::{Delivery, DeliveryId, DeliveryState, Event, WebhookId};
use aviary_kernel::store::tables::{DELIVERIES, DELIVERIES_OF, EVENTS, WEBHOOKS};
use aviary_kernel::store::{Direction, Key, Read, Span};

use super::Webhooks;

/// Deliveries of a page when none are asked for.
const USUAL_LIMIT: usize = 25;
/// No page is larger.
const LARGEST_LIMIT: usize = 200;

/// What is asked of the list of deliveries. The default is all, newest first.
#[derive(Clone, Debug, Default)]
pub struct DeliveryQuery {
    /// Only to this webhook.
    pub webhook: Option<WebhookId>,
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Behind this one.
    pub after: Option<Cursor>,
    /// Deliveries of a page; 0 is taken as 25, more than 200 as 200.
    pub limit: usize,
}

/// A page of the list of deliveries.
#[derive(Clone, Debug, Default)]
pub struct DeliveryPage {
    /// Newest first, each with its event as long as that is known.
    pub deliveries: Vec<(Delivery, Option<Event>)>,
    /// Where the next page begins; none on the last one.
    pub next: Option<Cursor>,
}

impl Webhooks {
    /// A page of the list of deliveries, newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor of another list, or when the file cannot be read.
    pub async fn deliveries(&self, query: DeliveryQuery) -> Result<DeliveryPage> {
        self.store().read(move |tx| page(tx, &query)).await
    }

    /// One delivery, with its event as long as that is known.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delivery(&self, id: DeliveryId) -> Result<(Delivery, Option<Event>)> {
        let found = self.store().read(move |tx| with_event(tx, id)).await?;
        found.ok_or_else(|| Error::not_found("delivery", id))
    }
}

fn page(reader: &impl Read, query: &DeliveryQuery) -> Result<DeliveryPage> {
    let limit = if query.limit == 0 { USUAL_LIMIT } else { query.limit.min(LARGEST_LIMIT) };
    let after = query.after.as_ref().map(place).transpose()?;
    let mut ids = match (query.webhook, query.state) {
        (None, None) => newest(reader, after, limit + 1)?,
        (webhook, state) => newest_of(reader, webhook, state, after, limit + 1)?,
    };
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next = ids.last().filter(|_| more).map(|id| Cursor::after(&id.to_bytes()));
    let mut deliveries = Vec::new();
    for id in ids {
        deliveries.extend(with_event(reader, id)?);
    }
    Ok(DeliveryPage { deliveries, next })
}

fn with_event(reader: &impl Read, id: DeliveryId) -> Result<Option<(Delivery, Option<Event>)>> {
    let Some(delivery) = reader.get(DELIVERIES, &id)? else { return Ok(None) };
    let event = reader.get(EVENTS, &delivery.event)?;
    Ok(Some((delivery, event)))
}

fn place(cursor: &Cursor) -> Result<DeliveryId> {
    <DeliveryId as Key>::from_bytes(cursor.key()).ok_or_else(|| Error::invalid("cursor", "is not one of this list"))
}

fn newest(reader: &impl Read, after: Option<DeliveryId>, limit: usize) -> Result<Vec<DeliveryId>> {
    let mut ids = Vec::new();
    let span = after.map_or_else(Span::all, |id| Span::all().after(&id.to_bytes(), Direction::Down));
    reader.walk(DELIVERIES, &span, Direction::Down, |id, _| {
        ids.push(id);
        Ok(if ids.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(ids)
}

/// The newest of each webhook and state that is asked for, put in order.
fn newest_of(
    reader: &impl Read,
    webhook: Option<WebhookId>,
    state: Option<DeliveryState>,
    after: Option<DeliveryId>,
    limit: usize,
) -> Result<Vec<DeliveryId>> {
    let hooks = match webhook {
        Some(webhook) => vec![webhook],
        None => reader.all(WEBHOOKS, &Span::all())?.into_iter().map(|(id, _)| id).collect(),
    };
    let states = state.map_or_else(|| DeliveryState::ALL.to_vec(), |state| vec![state]);
    let mut ids = Vec::new();
    for (hook, state) in hooks.iter().flat_map(|hook| states.iter().map(move |state| (*hook, state.number()))) {
        let mut span = Span::prefix(&(hook, state));
        if let Some(id) = after {
            span = span.after(&(hook, state, id).to_bytes(), Direction::Down);
        }
        let mut found = 0;
        reader.walk_index(DELIVERIES_OF, &span, Direction::Down, |(_, _, id)| {
            ids.push(id);
            found += 1;
            Ok(if found < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.truncate(limit);
    Ok(ids)
}
