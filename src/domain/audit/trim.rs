//! How the trail ends: old events go, up to a checkpoint. That one stays, and what follows is verified from it.

use std::ops::ControlFlow;
use std::time::Duration;

use aviary_kernel::base::{Env, Result, Timestamp};
use aviary_kernel::model::{Action, Actor, AuditEvent};
use aviary_kernel::store::tables::{AUDIT, AUDIT_CHECKPOINTS};
use aviary_kernel::store::{Direction, Key, Read, Span, WriteTx};

use super::{Audit, Did, record};

/// Less than this is not worth an event.
const WORTH_IT: Duration = Duration::from_secs(86_400);
/// What the event of a removal is about.
const TARGET: &str = "audit";

/// Up to which event was removed, as an event tells.
pub(super) fn up_to(event: &AuditEvent) -> u64 {
    event.target.as_ref().and_then(|target| target.id.parse().ok()).unwrap_or(0)
}

/// The checkpoints up to the newest one that is older than `before`, if it is time to remove something.
fn steps(reader: &impl Read, before: Timestamp) -> Result<Vec<u64>> {
    let mut oldest = None;
    reader.walk(AUDIT, &Span::all(), Direction::Up, |seq, event| {
        oldest = Some((seq, event.at));
        Ok(ControlFlow::Break(()))
    })?;
    let Some((first, _)) = oldest.filter(|(_, at)| before.since(*at) >= WORTH_IT) else { return Ok(Vec::new()) };
    let mut steps = Vec::new();
    reader.walk(AUDIT_CHECKPOINTS, &Span::all(), Direction::Up, |seq, checkpoint| {
        if checkpoint.at >= before {
            return Ok(ControlFlow::Break(()));
        }
        steps.extend((seq >= first).then_some(seq));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(steps)
}

fn announce(tx: &mut WriteTx<'_>, env: &Env, up_to: u64) -> Result<()> {
    let did = Did::new(Action::AuditTrimmed).to(TARGET, up_to, format!("events up to {up_to}"));
    record(tx, env, &Actor::job("clean-up"), did).map(drop)
}

/// Removes the events up to a checkpoint, and the checkpoints before it. At every moment what is left can be verified.
fn remove_to(tx: &mut WriteTx<'_>, seq: u64) -> Result<u64> {
    let up_to = Span::all().after(&(seq + 1).to_bytes(), Direction::Down);
    let mut events = Vec::new();
    tx.walk(AUDIT, &up_to, Direction::Up, |seq, _| {
        events.push(seq);
        Ok(ControlFlow::Continue(()))
    })?;
    for seq in &events {
        tx.remove(AUDIT, seq)?;
    }
    let older = Span::all().after(&seq.to_bytes(), Direction::Down);
    for (seq, _) in tx.all(AUDIT_CHECKPOINTS, &older)? {
        tx.remove(AUDIT_CHECKPOINTS, &seq)?;
    }
    Ok(events.len() as u64)
}

impl Audit {
    /// Removes events that are older than `before`, up to a checkpoint, and puts that on record. The number removed.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn trim(&self, before: Timestamp) -> Result<u64> {
        let _still = self.inner.whole.lock().await;
        let steps = self.inner.store.read(move |tx| steps(tx, before)).await?;
        let Some(last) = steps.last().copied() else { return Ok(0) };
        let env = self.inner.env.clone();
        self.inner.store.write(move |tx| announce(tx, &env, last)).await?;
        let mut removed = 0;
        for seq in steps {
            removed += self.inner.store.write(move |tx| remove_to(tx, seq)).await?;
        }
        Ok(removed)
    }
}
