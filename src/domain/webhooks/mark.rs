//! What becomes of deliveries after a try, on disk.

use std::ops::ControlFlow;
use std::time::Duration;

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{
    Action, Actor, Delivery, DeliveryAttempt, DeliveryId, DeliveryState, Job, JobKind, JobState, Webhook, WebhookId,
};
use aviary_kernel::store::tables::{DELIVERIES, DELIVERIES_OF, WEBHOOKS};
use aviary_kernel::store::{Direction, Read, Span, WriteTx};
use aviary_remote::hooks::{Attempt, Failure, FailureKind};

use super::deliver::Args;
use super::{Webhooks, about};
use crate::audit;
use crate::events::{Happening, WebhookFacts, put_delivery, raise};

const HOUR: Duration = Duration::from_secs(3600);
/// A delivery is given up a day after it was asked for.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Seconds between the tries of a delivery; nearly a day in all.
pub(super) const BETWEEN_TRIES: [u64; 10] = [5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800];
/// Seconds that an endpoint is left alone after so many failures in a row; then the last of them each time.
const BETWEEN_FAILURES: [u64; 5] = [5, 30, 120, 300, 600];
/// Who asks for a longer pause than this is asked again after it, since a delivery has but a day.
const LONGEST_REST: Duration = HOUR;
/// A webhook is turned off after so many failures in a row …
const MOST_FAILURES: u32 = 20;
/// … when the first of them is so long ago.
const FAILING_FOR: Duration = HOUR;
/// Deliveries that one commit drops.
const AT_ONCE: usize = 500;

/// A try, and when it began.
pub(super) struct Tried {
    pub(super) at: Timestamp,
    pub(super) attempt: Attempt,
    /// Another one beside it had failed already, so it does not count as a failure in a row.
    pub(super) is_echo: bool,
}

/// What a try means for the webhook.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marked {
    /// Nothing is sent to it before this.
    pub(super) pause: Option<Timestamp>,
    /// It was turned off.
    pub(super) is_off: bool,
}

impl Marked {
    /// Whether the next message may follow at once.
    pub(super) fn may_go_on(self) -> bool {
        self.pause.is_none() && !self.is_off
    }
}

impl Webhooks {
    /// Notes what came of sending these deliveries in one message.
    pub(super) async fn mark(&self, hook: WebhookId, ids: Vec<DeliveryId>, tried: Tried) -> Result<Marked> {
        let this = self.clone();
        let marked = self.store().write(move |tx| this.mark_in(tx, hook, &ids, &tried)).await?;
        if let Some(until) = marked.pause {
            self.pause(hook, until);
        }
        if marked.is_off {
            self.drop_all(hook, "the webhook was turned off, since it kept failing").await?;
        }
        Ok(marked)
    }

    fn mark_in(&self, tx: &mut WriteTx<'_>, hook: WebhookId, ids: &[DeliveryId], tried: &Tried) -> Result<Marked> {
        let now = self.env().now();
        for id in ids {
            let Some(mut delivery) = tx.get(DELIVERIES, id)? else { continue };
            note(&mut delivery, tried.noted(ids.len()));
            settle(&mut delivery, &tried.attempt, now);
            put_delivery(tx, self.env(), &delivery)?;
        }
        let Some(mut hook) = tx.get(WEBHOOKS, &hook)? else { return Ok(Marked::default()) };
        let asked = tried.attempt.pause.or(tried.attempt.retry_after).map(|pause| now.plus(pause.min(LONGEST_REST)));
        let Err(failure) = &tried.attempt.outcome else {
            if hook.failures > 0 {
                (hook.failures, hook.failing_since) = (0, None);
                self.put(tx, &hook)?;
            }
            return Ok(Marked { pause: asked, is_off: false });
        };
        if tried.is_put_off() || (tried.is_echo && failure.kind != FailureKind::Gone) {
            return Ok(Marked { pause: asked, is_off: false });
        }
        hook.failures = hook.failures.saturating_add(1);
        let since = *hook.failing_since.get_or_insert(tried.at);
        let is_worn_out = hook.failures >= MOST_FAILURES && now.since(since) >= FAILING_FOR;
        let is_off = hook.is_enabled && (is_worn_out || failure.kind == FailureKind::Gone);
        if is_off {
            self.disable(tx, &mut hook, failure)?;
        } else {
            self.put(tx, &hook)?;
        }
        let rest = now.plus(rest_after(hook.failures));
        Ok(Marked { pause: Some(asked.map_or(rest, |asked| asked.max(rest))), is_off })
    }

    /// Turns a webhook off that kept failing, and lets the others know.
    fn disable(&self, tx: &mut WriteTx<'_>, hook: &mut Webhook, failure: &Failure) -> Result<()> {
        let why = match failure.kind {
            FailureKind::Gone => failure.to_string(),
            _ => format!("{} tries in a row failed, the last one: {failure}", hook.failures),
        };
        hook.is_enabled = false;
        hook.disabled_why = Some(why.clone());
        self.put(tx, hook)?;
        let did = about(hook, Action::WebhookDisabled).changed("enabled", Some("true".into()), Some("false".into()));
        audit::record(tx, self.env(), &Actor::job("webhooks"), did.changed("why", None, Some(why.clone())))?;
        let dropped = tx.count(DeliveryState::Waiting.counter(hook.id))?;
        let facts = WebhookFacts { webhook: hook.id, name: hook.name.clone(), why, dropped };
        raise(tx, self.env(), &Happening::WebhookDisabled(facts)).map(drop)
    }

    /// Does not send what waits for a webhook, a bit at a time so that others can write in between. How many were dropped.
    pub(super) async fn drop_all(&self, hook: WebhookId, why: &'static str) -> Result<u64> {
        let mut dropped = 0;
        loop {
            let this = self.clone();
            let batch = self
                .store()
                .write(move |tx| {
                    let ids = waiting(tx, hook)?;
                    this.drop_in(tx, &ids, why)?;
                    Ok(ids.len())
                })
                .await?;
            dropped += batch as u64;
            if batch < AT_ONCE {
                return Ok(dropped);
            }
        }
    }

    /// Does not send these.
    pub(super) fn drop_in(&self, tx: &mut WriteTx<'_>, ids: &[DeliveryId], why: &str) -> Result<()> {
        drop_these(tx, self.env(), ids, why)
    }
}

fn drop_these(tx: &mut WriteTx<'_>, env: &Env, ids: &[DeliveryId], why: &str) -> Result<()> {
    for id in ids {
        let Some(mut delivery) = tx.get(DELIVERIES, id)? else { continue };
        if delivery.state == DeliveryState::Waiting {
            over(&mut delivery, DeliveryState::Dropped, env.now(), Some(why.to_owned()));
            put_delivery(tx, env, &delivery)?;
        }
    }
    Ok(())
}

/// Whoever cancels the job of a webhook wants nothing of what waits for it sent, so it is dropped and can be asked for again. After any
/// other end [`Webhooks::recover`] looks after what waits.
///
/// # Errors
/// When the file cannot be read or written.
pub fn job_over(tx: &mut WriteTx<'_>, env: &Env, job: &Job) -> Result<()> {
    if job.kind != JobKind::Deliver || job.state != JobState::Cancelled {
        return Ok(());
    }
    let Ok(Args { webhook }) = serde_json::from_str(&job.args) else { return Ok(()) };
    loop {
        let ids = waiting(tx, webhook)?;
        drop_these(tx, env, &ids, "its job was cancelled")?;
        if ids.len() < AT_ONCE {
            return Ok(());
        }
    }
}

impl Tried {
    /// The try as it is kept.
    pub(super) fn noted(&self, together: usize) -> DeliveryAttempt {
        let Attempt { took, status, excerpt, outcome, .. } = &self.attempt;
        DeliveryAttempt {
            at: self.at,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            status: *status,
            error: outcome.as_ref().err().map(ToString::to_string),
            excerpt: excerpt.clone(),
            together: u32::try_from(together).unwrap_or(u32::MAX),
        }
    }

    fn is_put_off(&self) -> bool {
        is_put_off(&self.attempt)
    }
}

/// Whether the other side only asks to come back later. That is no failure.
fn is_put_off(attempt: &Attempt) -> bool {
    attempt.status == Some(429) && attempt.retry_after.is_some() && attempt.outcome.is_err()
}

/// Keeps a try.
pub(super) fn note(delivery: &mut Delivery, attempt: DeliveryAttempt) {
    delivery.attempts.push(attempt);
    if delivery.attempts.len() > Delivery::ATTEMPTS {
        delivery.attempts.remove(0);
    }
}

/// Ends a delivery.
pub(super) fn over(delivery: &mut Delivery, state: DeliveryState, now: Timestamp, why: Option<String>) {
    delivery.state = state;
    delivery.finished_at = Some(now);
    delivery.why = why;
}

/// What becomes of a delivery after a try.
fn settle(delivery: &mut Delivery, attempt: &Attempt, now: Timestamp) {
    let failure = match &attempt.outcome {
        Ok(()) => {
            delivery.tries += 1;
            return over(delivery, DeliveryState::Delivered, now, None);
        }
        Err(failure) => failure,
    };
    // Somebody dropped it while it was on its way.
    if delivery.state != DeliveryState::Waiting {
        return;
    }
    let pause = if is_put_off(attempt) {
        Some(Duration::ZERO)
    } else {
        delivery.tries += 1;
        let next = BETWEEN_TRIES.get(delivery.tries as usize - 1).map(|seconds| Duration::from_secs(*seconds));
        next.filter(|_| !matches!(failure.kind, FailureKind::Gone | FailureKind::Forbidden))
    };
    let next = pause.map(|pause| now.plus(pause.max(attempt.retry_after.unwrap_or_default().min(LONGEST_REST))));
    match next.filter(|next| next.since(delivery.asked_at) <= LONGEST) {
        Some(next) => delivery.due_at = next,
        None => over(delivery, DeliveryState::Failed, now, Some(failure.to_string())),
    }
}

fn rest_after(failures: u32) -> Duration {
    let at = (failures.max(1) as usize - 1).min(BETWEEN_FAILURES.len() - 1);
    Duration::from_secs(BETWEEN_FAILURES[at])
}

/// What waits for a webhook, at most [`AT_ONCE`].
pub(super) fn waiting(reader: &impl Read, hook: WebhookId) -> Result<Vec<DeliveryId>> {
    let mut ids = Vec::new();
    let span = Span::prefix(&(hook, DeliveryState::Waiting.number()));
    reader.walk_index(DELIVERIES_OF, &span, Direction::Up, |(_, _, id)| {
        ids.push(id);
        Ok(if ids.len() < AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tries_of_a_delivery_take_nearly_a_day() {
        let all: u64 = BETWEEN_TRIES.iter().sum();
        assert!((20 * 3600..=24 * 3600).contains(&all), "{all}");
    }

    #[test]
    fn an_endpoint_rests_longer_the_longer_it_fails() {
        let rests: Vec<_> = [1, 2, 5, 6, 1000].into_iter().map(|n| rest_after(n).as_secs()).collect();
        assert_eq!(rests, [5, 30, 600, 600, 600]);
    }
}
