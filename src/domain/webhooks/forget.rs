use std::ops::ControlFlow;

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{DeliveryId, DeliveryState, EventId, WebhookId};
use aviary_kernel::store::tables::{DELIVERIES, DELIVERIES_OF, DELIVERIES_OF_EVENT, EVENTS, WEBHOOKS};
use aviary_kernel::store::{Direction, Key, Read, Span, WriteTx};

use super::Webhooks;
use crate::events;

/// Events or deliveries that one commit forgets.
const AT_ONCE: usize = 500;

impl Webhooks {
    /// Forgets events from before `before`, with their deliveries, a bit at a time so that others can write in between. What
    /// still waits for a webhook stays until it is over. How many events were forgotten.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn forget(&self, before: Timestamp) -> Result<u64> {
        let (mut forgotten, mut after) = (0, None);
        loop {
            let this = self.clone();
            let batch = self.store().write(move |tx| forget_batch(tx, this.env(), before, after)).await?;
            forgotten += batch.forgotten;
            after = batch.last;
            if after.is_none() {
                return Ok(forgotten);
            }
        }
    }

    pub(super) async fn forget_deliveries_of(&self, hook: WebhookId) -> Result<()> {
        loop {
            let this = self.clone();
            let removed = self
                .store()
                .write(move |tx| {
                    let mut ids = Vec::new();
                    tx.walk_index(DELIVERIES_OF, &Span::prefix(&hook), Direction::Up, |(_, _, id)| {
                        ids.push(id);
                        Ok(if ids.len() < AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                    })?;
                    ids.iter().try_for_each(|id| events::remove_delivery(tx, this.env(), *id))?;
                    Ok(ids.len())
                })
                .await?;
            if removed < AT_ONCE {
                return Ok(());
            }
        }
    }
}

struct Batch {
    forgotten: u64,
    /// The last event that was looked at; none = there is none behind it.
    last: Option<EventId>,
}

fn forget_batch(tx: &mut WriteTx<'_>, env: &Env, before: Timestamp, after: Option<EventId>) -> Result<Batch> {
    let span = after.map_or_else(Span::all, |id| Span::all().after(&id.to_bytes(), Direction::Up));
    let mut old = Vec::new();
    tx.walk(EVENTS, &span, Direction::Up, |id, event| {
        if event.at >= before || old.len() == AT_ONCE {
            return Ok(ControlFlow::Break(()));
        }
        old.push(id);
        Ok(ControlFlow::Continue(()))
    })?;
    let mut forgotten = 0;
    for id in &old {
        let deliveries: Vec<_> = tx.all_keys(DELIVERIES_OF_EVENT, &Span::prefix(id))?;
        let ids: Vec<DeliveryId> = deliveries.into_iter().map(|(_, delivery)| delivery).collect();
        if waits(tx, &ids)? {
            continue;
        }
        ids.iter().try_for_each(|id| events::remove_delivery(tx, env, *id))?;
        events::remove_event(tx, env, *id)?;
        forgotten += 1;
    }
    Ok(Batch { forgotten, last: old.last().copied().filter(|_| old.len() == AT_ONCE) })
}

/// Whether one of these is still on its way to a webhook that there is.
fn waits(reader: &impl Read, ids: &[DeliveryId]) -> Result<bool> {
    for id in ids {
        if let Some(delivery) = reader.get(DELIVERIES, id)?
            && delivery.state == DeliveryState::Waiting
            && reader.get(WEBHOOKS, &delivery.webhook)?.is_some()
        {
            return Ok(true);
        }
    }
    Ok(false)
}
