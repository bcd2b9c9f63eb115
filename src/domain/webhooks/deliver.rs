use aviary_kernel::base::Result;
use aviary_kernel::model::{DeliveryId, HookTarget, JobKind, WebhookId};
use aviary_kernel::store::tables::WEBHOOKS;
use aviary_kernel::store::{Read, Span};
use serde::Deserialize;

use super::Webhooks;
use super::next::{Due, Next, Waiting, next};
use crate::events;
use crate::queue::{self, Body, Done, Outcome, Work};

/// After so many rounds a job makes room for others and goes on at once.
const ROUNDS: usize = 200;

/// What a job works with.
#[derive(Deserialize)]
pub(super) struct Args {
    pub(super) webhook: WebhookId,
}

impl Webhooks {
    /// What the jobs of webhooks do.
    pub fn body(&self) -> (JobKind, Body) {
        let this = self.clone();
        queue::body(JobKind::Deliver, move |work| {
            let this = this.clone();
            async move { this.deliver(work).await }
        })
    }

    /// Sends what waits for one webhook: the body of its job. What is taken by the other side is marked after its answer, so a
    /// crash in between sends it once more, with the same id.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn deliver(&self, work: Work) -> Done {
        let Args { webhook } = work.args()?;
        let mut sent = 0;
        for _ in 0..ROUNDS {
            if work.stop().is_some() {
                return Ok(Outcome::Stopped);
            }
            match self.next(webhook).await? {
                Next::Nothing => return Ok(Outcome::Done(None)),
                Next::Off => {
                    self.drop_all(webhook, "the webhook is turned off").await?;
                    return Ok(Outcome::Done(None));
                }
                Next::At(at) => return Ok(Outcome::Later(at, None)),
                Next::Due(due) => {
                    sent += due.waiting.len() as u64;
                    self.send(*due).await?;
                    work.progress("Sending", sent, None);
                }
            }
        }
        Ok(Outcome::Later(self.env().now(), None))
    }

    /// Sees to it that what waits is sent, whatever became of the jobs; to be called at each start and now and then.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn recover(&self) -> Result<()> {
        let this = self.clone();
        self.store()
            .write(move |tx| {
                for (id, hook) in tx.all(WEBHOOKS, &Span::all())? {
                    let has_job = queue::of_name(tx, &events::job_name(id))?.is_some();
                    if hook.is_enabled && !has_job && super::counts(tx, id)?.waiting > 0 {
                        events::wake(tx, this.env(), id)?;
                    }
                }
                Ok(())
            })
            .await
    }

    async fn next(&self, webhook: WebhookId) -> Result<Next> {
        let (now, paused) = (self.env().now(), self.paused_until(webhook));
        self.store().read(move |tx| next(tx, webhook, now, paused)).await
    }

    async fn send(&self, due: Due) -> Result<()> {
        let Due { hook, waiting } = due;
        let (waiting, lost): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| waiting.event.is_some());
        self.drop_these(ids(&lost), "the event is no longer known").await?;
        let (held, waiting) = self.held_back(&hook.target, waiting);
        self.drop_these(ids(&held), "the settings hold back notices of this kind").await?;
        match &hook.target {
            HookTarget::Http { .. } => self.send_http(&hook, waiting).await,
            HookTarget::Discord { .. } => self.send_discord(&hook, waiting).await,
            HookTarget::Mail { to } => self.send_mail(&hook, to.clone(), waiting).await,
        }
    }

    /// Takes out what a switch in the settings holds back: what Aviary noticed by itself, not what somebody asks for.
    fn held_back(&self, target: &HookTarget, waiting: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
        let is_on = self.lets_through(target);
        let by_itself = |waiting: &Waiting| waiting.event.as_ref().is_some_and(|event| event.posted_by.is_none());
        waiting.into_iter().partition(|waiting| !is_on && by_itself(waiting))
    }

    /// Whether the settings let through what Aviary noticed by itself.
    pub(super) fn lets_through(&self, target: &HookTarget) -> bool {
        let settings = self.inner.settings.current();
        match target {
            HookTarget::Discord { .. } => settings.discord_notifications,
            HookTarget::Mail { .. } => settings.email_notifications,
            HookTarget::Http { .. } => true,
        }
    }

    async fn drop_these(&self, ids: Vec<DeliveryId>, why: &'static str) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let this = self.clone();
        self.store().write(move |tx| this.drop_in(tx, &ids, why)).await
    }
}

fn ids(waiting: &[Waiting]) -> Vec<DeliveryId> {
    waiting.iter().map(|waiting| waiting.delivery.id).collect()
}
