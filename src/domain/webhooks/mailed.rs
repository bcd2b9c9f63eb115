//! Events that go to people by mail: handed over to the mails, which see to it that they arrive.

use std::time::Duration;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::{Actor, DeliveryAttempt, DeliveryState, Email, Event, Webhook, WebhookId};
use aviary_kernel::store::tables::DELIVERIES;
use aviary_kernel::store::{Read, WriteTx};
use aviary_remote::hooks::Attempt;

use super::mark::{self, note, over};
use super::next::Waiting;
use super::try_out::Tried;
use super::{Webhooks, require};
use crate::events::put_delivery;
use crate::mails;

impl Webhooks {
    pub(super) async fn send_mail(&self, hook: &Webhook, to: Vec<Email>, waiting: Vec<Waiting>) -> Result<()> {
        let (this, hook) = (self.clone(), hook.id);
        self.store()
            .write(move |tx| {
                for waiting in waiting {
                    // Removed or dropped since it was read.
                    let Some(mut delivery) = tx.get(DELIVERIES, &waiting.delivery.id)? else { continue };
                    if delivery.webhook != hook || delivery.state != DeliveryState::Waiting {
                        continue;
                    }
                    for address in &to {
                        mails::post_event(tx, this.env(), address, delivery.event)?;
                    }
                    let now = this.env().now();
                    delivery.tries += 1;
                    note(&mut delivery, handed_over(now));
                    over(&mut delivery, DeliveryState::Delivered, now, None);
                    put_delivery(tx, this.env(), &delivery)?;
                }
                Ok(())
            })
            .await
    }

    /// Hands a test over to the mails; whether it arrives stands there.
    pub(super) async fn try_mail(&self, by: &Actor, id: WebhookId, to: Vec<Email>, event: Event) -> Result<Tried> {
        let (this, by) = (self.clone(), by.clone());
        self.store().write(move |tx| this.try_mail_in(tx, &by, id, &to, &event)).await
    }

    fn try_mail_in(
        &self,
        tx: &mut WriteTx<'_>,
        by: &Actor,
        id: WebhookId,
        to: &[Email],
        event: &Event,
    ) -> Result<Tried> {
        require(tx, id)?;
        let at = self.env().now();
        let tried = mark::Tried { at, attempt: taken(), is_echo: false };
        let webhook = self.put_test(tx, by, id, event, &tried)?;
        for address in to {
            mails::post_event(tx, self.env(), address, event.id)?;
        }
        Ok(Tried { event: event.id, webhook, attempt: handed_over(at) })
    }
}

fn handed_over(at: Timestamp) -> DeliveryAttempt {
    mark::Tried { at, attempt: taken(), is_echo: false }.noted(1)
}

fn taken() -> Attempt {
    Attempt {
        took: Duration::ZERO,
        address: None,
        status: None,
        excerpt: "written as a mail".into(),
        retry_after: None,
        pause: None,
        outcome: Ok(()),
    }
}
