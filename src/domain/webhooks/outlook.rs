//! What went wrong last on the way to a webhook, and when it goes on.

use std::ops::ControlFlow;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{DeliveryAttempt, DeliveryId, DeliveryState, WebhookId};
use aviary_kernel::store::tables::{DELIVERIES, DELIVERIES_DUE, DELIVERIES_OF};
use aviary_kernel::store::{Direction, Read, Span};

use super::{Webhooks, require};

/// Waiting deliveries that are looked at for their last try. An endpoint in trouble is tried with the oldest.
const LOOKED_AT: usize = 50;

/// What went wrong last, and when it goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// The last try that failed, and the delivery it was for; none when none is known.
    pub failed: Option<(DeliveryId, DeliveryAttempt)>,
    /// When something is sent next, pauses of the webhook considered; none when nothing waits.
    pub next_try: Option<Timestamp>,
}

impl Webhooks {
    /// What went wrong last on the way to a webhook, and when it goes on.
    ///
    /// # Errors
    /// [`aviary_kernel::base::Error::NotFound`].
    pub async fn outlook(&self, id: WebhookId) -> Result<Outlook> {
        let paused = self.paused_until(id);
        self.store().read(move |tx| outlook(tx, id, paused)).await
    }

    /// When a delivery to this webhook that is due then is really tried: not while the webhook rests.
    pub fn tried_at(&self, id: WebhookId, due_at: Timestamp) -> Timestamp {
        self.paused_until(id).map_or(due_at, |until| until.max(due_at))
    }
}

fn outlook(reader: &impl Read, id: WebhookId, paused: Option<Timestamp>) -> Result<Outlook> {
    let is_enabled = require(reader, id)?.is_enabled;
    let (mut ids, mut first) = (Vec::new(), None);
    reader.walk_index(DELIVERIES_DUE, &Span::prefix(&id), Direction::Up, |(_, due_at, delivery)| {
        first = first.or(Some(due_at));
        ids.push(delivery);
        Ok(if ids.len() < LOOKED_AT { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    let given_up = Span::prefix(&(id, DeliveryState::Failed.number()));
    reader.walk_index(DELIVERIES_OF, &given_up, Direction::Down, |(_, _, delivery)| {
        ids.push(delivery);
        Ok(ControlFlow::Break(()))
    })?;
    let mut failed: Option<(DeliveryId, DeliveryAttempt)> = None;
    for delivery in ids {
        let Some(delivery) = reader.get(DELIVERIES, &delivery)? else { continue };
        let last = delivery.attempts.into_iter().rfind(|attempt| attempt.error.is_some());
        if let Some(last) = last.filter(|last| failed.as_ref().is_none_or(|(_, known)| known.at < last.at)) {
            failed = Some((delivery.id, last));
        }
    }
    let next_try = first.filter(|_| is_enabled).map(|due| paused.map_or(due, |paused| paused.max(due)));
    Ok(Outlook { failed, next_try })
}
