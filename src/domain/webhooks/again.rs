//! What people may do about deliveries: send again, or not at all.

use std::ops::ControlFlow;

use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{Action, Actor, Delivery, DeliveryId, DeliveryState, Webhook, WebhookId};
use aviary_kernel::store::tables::{DELIVERIES, DELIVERIES_OF};
use aviary_kernel::store::{Direction, Key, Read, Span, WriteTx};

use super::{Listed, Webhooks, about, require};
use crate::events::put_delivery;
use crate::{audit, events};

/// Deliveries that one commit sends again.
const AT_ONCE: usize = 500;
/// What can be asked for all at once.
const ENDED_BADLY: [DeliveryState; 2] = [DeliveryState::Failed, DeliveryState::Dropped];

/// What is to be sent again.
#[derive(Clone, Copy, Debug)]
pub struct Again {
    /// To this webhook.
    pub webhook: WebhookId,
    /// What was written since then.
    pub since: Timestamp,
}

impl Webhooks {
    /// Sends a delivery again, whatever became of it. It keeps the id of its event, so the other side can tell.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it waits anyway, or its webhook is turned off.
    pub async fn send_again(&self, by: &Actor, id: DeliveryId) -> Result<Delivery> {
        let (this, by) = (self.clone(), by.clone());
        self.store()
            .write(move |tx| {
                let delivery = tx.get(DELIVERIES, &id)?.ok_or_else(|| Error::not_found("delivery", id))?;
                let hook = enabled(tx, delivery.webhook)?;
                if delivery.state == DeliveryState::Waiting {
                    return Err(Error::Conflict("this waits to be sent already".into()));
                }
                let delivery = this.ask_again(tx, delivery)?;
                events::wake(tx, this.env(), hook.id)?;
                let did = about(&hook, Action::DeliveryRepeated).changed("delivery", None, Some(id.to_string()));
                audit::record(tx, this.env(), &by, did)?;
                Ok(delivery)
            })
            .await
    }

    /// How many deliveries [`Webhooks::send_all_again`] would send.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn count_again(&self, again: Again) -> Result<u64> {
        self.store()
            .read(move |tx| {
                require(tx, again.webhook)?;
                let mut count = 0;
                for state in ENDED_BADLY {
                    count += since(tx, again, state, None, usize::MAX)?.len() as u64;
                }
                Ok(count)
            })
            .await
    }

    /// Sends everything again that failed or was dropped since a time. `expected` = how many the caller saw there were: when
    /// there are more by now, nothing is done. How many deliveries.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when there are more than expected, or the webhook is turned off.
    pub async fn send_all_again(&self, by: &Actor, again: Again, expected: u64) -> Result<u64> {
        let there = self.count_again(again).await?;
        if there > expected {
            return Err(Error::Conflict(format!(
                "there are {there} such deliveries by now, not {expected}: look again, then repeat this"
            )));
        }
        let mut sent = 0;
        for state in ENDED_BADLY {
            let mut after = None;
            loop {
                let (this, actor) = (self.clone(), by.clone());
                let batch = self.store().write(move |tx| this.again_in(tx, &actor, again, state, after)).await?;
                sent += batch.len() as u64;
                after = batch.last().copied();
                if batch.len() < AT_ONCE {
                    break;
                }
            }
        }
        Ok(sent)
    }

    /// Sends deliveries to a webhook again that somebody chose, whatever became of them. How many: what waits anyway, is gone or
    /// went elsewhere is passed over.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when the webhook is turned off.
    pub async fn send_each_again(&self, by: &Actor, webhook: WebhookId, ids: &[DeliveryId]) -> Result<u64> {
        let mut sent = 0;
        for some in ids.chunks(AT_ONCE) {
            let (this, actor, some) = (self.clone(), by.clone(), some.to_vec());
            sent += self.store().write(move |tx| this.these_again(tx, &actor, webhook, &some)).await?;
        }
        Ok(sent)
    }

    fn these_again(&self, tx: &mut WriteTx<'_>, by: &Actor, webhook: WebhookId, ids: &[DeliveryId]) -> Result<u64> {
        let hook = enabled(tx, webhook)?;
        let mut sent = 0;
        for id in ids {
            let delivery = tx.get(DELIVERIES, id)?;
            let is_over = |one: &Delivery| one.webhook == webhook && one.state != DeliveryState::Waiting;
            if let Some(delivery) = delivery.filter(is_over) {
                self.ask_again(tx, delivery)?;
                sent += 1;
            }
        }
        if sent > 0 {
            events::wake(tx, self.env(), hook.id)?;
            let did = about(&hook, Action::DeliveryRepeated).changed("deliveries", None, Some(sent.to_string()));
            audit::record(tx, self.env(), by, did)?;
        }
        Ok(sent)
    }

    fn again_in(
        &self,
        tx: &mut WriteTx<'_>,
        by: &Actor,
        again: Again,
        state: DeliveryState,
        after: Option<DeliveryId>,
    ) -> Result<Vec<DeliveryId>> {
        let hook = enabled(tx, again.webhook)?;
        let ids = since(tx, again, state, after, AT_ONCE)?;
        for id in &ids {
            if let Some(delivery) = tx.get(DELIVERIES, id)? {
                self.ask_again(tx, delivery)?;
            }
        }
        if !ids.is_empty() {
            events::wake(tx, self.env(), hook.id)?;
            let did = about(&hook, Action::DeliveryRepeated)
                .changed("state", None, Some(state.word().to_owned()))
                .changed("since", None, Some(again.since.to_string()))
                .changed("deliveries", None, Some(ids.len().to_string()));
            audit::record(tx, self.env(), by, did)?;
        }
        Ok(ids)
    }

    /// Does not send what waits for a webhook now. `expected` = how many the caller saw there were, if they looked: when there
    /// are more by now, nothing is done. How many deliveries.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when there are more than expected.
    pub async fn drop_waiting(&self, by: &Actor, id: WebhookId, expected: Option<u64>) -> Result<u64> {
        let Listed { webhook: hook, counts } = self.require(id).await?;
        if expected.is_some_and(|expected| counts.waiting > expected) {
            return Err(Error::Conflict(format!("{} wait by now: look again, then repeat this", counts.waiting)));
        }
        let dropped = self.drop_all(id, "somebody said so").await?;
        if dropped > 0 {
            let (this, by) = (self.clone(), by.clone());
            let did = about(&hook, Action::DeliveryDropped).changed("deliveries", None, Some(dropped.to_string()));
            self.store().write(move |tx| audit::record(tx, this.env(), &by, did)).await?;
        }
        Ok(dropped)
    }

    fn ask_again(&self, tx: &mut WriteTx<'_>, delivery: Delivery) -> Result<Delivery> {
        let now = self.env().now();
        let state = DeliveryState::Waiting;
        let delivery =
            Delivery { state, asked_at: now, due_at: now, finished_at: None, why: None, tries: 0, ..delivery };
        put_delivery(tx, self.env(), &delivery)?;
        Ok(delivery)
    }
}

fn enabled(reader: &impl Read, id: WebhookId) -> Result<Webhook> {
    let hook = require(reader, id)?;
    if hook.is_enabled {
        return Ok(hook);
    }
    Err(Error::Conflict(format!("{} is turned off; turn it on first", hook.name)))
}

/// Deliveries in a state that were written since a time, newest first, behind `after`.
fn since(
    reader: &impl Read,
    again: Again,
    state: DeliveryState,
    after: Option<DeliveryId>,
    most: usize,
) -> Result<Vec<DeliveryId>> {
    let mut span = Span::prefix(&(again.webhook, state.number()));
    if let Some(id) = after {
        span = span.after(&(again.webhook, state.number(), id).to_bytes(), Direction::Down);
    }
    let mut ids = Vec::new();
    reader.walk_index(DELIVERIES_OF, &span, Direction::Down, |(_, _, id)| {
        // Ids sort by when they were made.
        if reader.get(DELIVERIES, &id)?.is_none_or(|delivery| delivery.created_at < again.since) {
            return Ok(ControlFlow::Break(()));
        }
        ids.push(id);
        Ok(if ids.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(ids)
}
