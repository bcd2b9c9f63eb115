use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{
    Action, Actor, Delivery, DeliveryAttempt, DeliveryState, Event, EventId, HookTarget, Webhook, WebhookId,
};
use aviary_kernel::store::tables::DELIVERIES;
use aviary_kernel::store::{Read, WriteTx};
use aviary_remote::hooks::discord::pack;

use super::embed::embed;
use super::mark::{self, note, over};
use super::{Webhooks, about, require};
use crate::audit;
use crate::events::{self, Happening, TestFacts};

/// What came of trying a webhook out.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The event that was sent.
    pub event: EventId,
    /// The webhook after that.
    pub webhook: Webhook,
    /// The try; `error` says what went wrong.
    pub attempt: DeliveryAttempt,
}

impl Webhooks {
    /// Sends a `webhook.test` to one webhook at once, also when it is turned off, and waits for the answer.
    ///
    /// # Errors
    /// [`Error::NotFound`]. That the other side did not take it is no error here: see [`Tried::attempt`].
    pub async fn try_out(&self, by: &Actor, id: WebhookId) -> Result<Tried> {
        let hook = self.require(id).await?.webhook;
        let event = self.test_event(&hook, by)?;
        let tried = match &hook.target {
            HookTarget::Http { .. } | HookTarget::Discord { .. } => self.try_one(&hook, &event).await?,
            HookTarget::Mail { to } => return self.try_mail(by, id, to.clone(), event).await,
        };
        let (this, by) = (self.clone(), by.clone());
        self.store()
            .write(move |tx| {
                let attempt = tried.noted(1);
                let webhook = this.put_test(tx, &by, id, &event, &tried)?;
                Ok(Tried { event: event.id, webhook, attempt })
            })
            .await
    }

    /// Sends one event to one webhook at once and waits for the answer. Nothing is written.
    ///
    /// # Errors
    /// When its address cannot be opened; and for one that gets mail, which is always written first.
    pub(super) async fn try_one(&self, hook: &Webhook, event: &Event) -> Result<mark::Tried> {
        match &hook.target {
            HookTarget::Http { .. } => self.try_http(&self.http_target(hook)?, event).await,
            HookTarget::Discord { .. } => {
                let site_name = self.inner.settings.current().site_name.clone();
                let packed = pack(vec![embed(event, &site_name)]);
                let first = packed.into_iter().next().ok_or_else(|| Error::internal("an embed made no message"))?;
                self.try_discord(&self.address(hook)?, &first.message.username(&site_name)).await
            }
            HookTarget::Mail { .. } => Err(Error::internal("a mail was to be sent without being written")),
        }
    }

    fn test_event(&self, hook: &Webhook, by: &Actor) -> Result<Event> {
        let facts = TestFacts { webhook: hook.id, name: hook.name.clone(), by: by.name.clone() };
        events::unwritten(self.env(), &Happening::Test(facts), Some(&by.name))
    }

    /// Puts a test on record: the event, its delivery, and when it went well.
    pub(super) fn put_test(
        &self,
        tx: &mut WriteTx<'_>,
        by: &Actor,
        id: WebhookId,
        event: &Event,
        tried: &mark::Tried,
    ) -> Result<Webhook> {
        let mut hook = require(tx, id)?;
        let now = self.env().now();
        let failure = tried.attempt.outcome.as_ref().err().map(ToString::to_string);
        let did = about(&hook, Action::WebhookTested);
        let did = match &failure {
            Some(why) => did.failed(why.clone()),
            None => did,
        };
        if failure.is_none() {
            hook.test_success_at = Some(now);
            (hook.failures, hook.failing_since) = (0, None);
            self.put(tx, &hook)?;
            self.hasten(tx, &hook)?;
        }
        let mut delivery = self.delivery_of(id, event);
        note(&mut delivery, tried.noted(1));
        let state = if failure.is_none() { DeliveryState::Delivered } else { DeliveryState::Failed };
        delivery.tries = 1;
        over(&mut delivery, state, now, failure);
        events::put_event(tx, self.env(), event)?;
        events::put_delivery(tx, self.env(), &delivery)?;
        audit::record(tx, self.env(), by, did)?;
        Ok(hook)
    }

    /// The other side takes messages again, so what waits for it is sent now.
    fn hasten(&self, tx: &mut WriteTx<'_>, hook: &Webhook) -> Result<()> {
        let now = self.env().now();
        for id in mark::waiting(tx, hook.id)? {
            let Some(mut delivery) = tx.get(DELIVERIES, &id)? else { continue };
            delivery.due_at = delivery.due_at.min(now);
            events::put_delivery(tx, self.env(), &delivery)?;
        }
        self.end_pause(hook.id);
        if hook.is_enabled { events::wake(tx, self.env(), hook.id) } else { Ok(()) }
    }

    /// Of an event that is on its way past the jobs.
    pub(super) fn delivery_of(&self, webhook: WebhookId, event: &Event) -> Delivery {
        Delivery {
            id: self.env().ids.next(),
            webhook,
            event: event.id,
            name: event.name,
            state: DeliveryState::Waiting,
            created_at: event.at,
            asked_at: event.at,
            due_at: event.at,
            finished_at: None,
            why: None,
            tries: 0,
            attempts: Vec::new(),
        }
    }
}
