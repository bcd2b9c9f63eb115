//! The record of who did what. An event is written in the commit of the change that it tells of, so there is never one
//! without the other.

mod chain;

use aviary_kernel::base::{Env, Result};
use aviary_kernel::model::{Action, Actor, AuditChange, AuditEvent, AuditTarget, Outcome};
use aviary_kernel::store::tables::AUDIT;
use aviary_kernel::store::{Read, Span, WriteTx};

/// What was done, on its way into the trail.
#[derive(Clone, Debug)]
pub struct Did {
    action: Action,
    target: Option<AuditTarget>,
    changes: Vec<AuditChange>,
    outcome: Outcome,
}

impl Did {
    /// `action` was done.
    pub fn new(action: Action) -> Self {
        Self { action, target: None, changes: Vec::new(), outcome: Outcome::Done }
    }

    /// To this: its kind (`account`, `role`, `panel`, `setting`, a kind of mirrored object ...), id and name.
    #[must_use]
    pub fn to(mut self, kind: &str, id: impl ToString, name: impl Into<String>) -> Self {
        self.target = Some(AuditTarget { kind: kind.to_owned(), id: id.to_string(), name: name.into() });
        self
    }

    /// A field became different; nothing is noted when it did not. Secrets must be masked before they come here.
    #[must_use]
    pub fn changed(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        if before != after {
            self.changes.push(AuditChange { field: field.to_owned(), before, after });
        }
        self
    }

    /// It was refused.
    #[must_use]
    pub fn refused(mut self, why: impl Into<String>) -> Self {
        self.outcome = Outcome::Refused(why.into());
        self
    }

    /// It was tried and failed.
    #[must_use]
    pub fn failed(mut self, why: impl Into<String>) -> Self {
        self.outcome = Outcome::Failed(why.into());
        self
    }

    /// Whether a field became different.
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }
}

/// Puts on record what `actor` did; to be called in the transaction that does it. The number of the event.
///
/// # Errors
/// When the file cannot be read or written.
pub fn record(tx: &mut WriteTx<'_>, env: &Env, actor: &Actor, did: Did) -> Result<u64> {
    let before = match tx.last_key(AUDIT, &Span::all())? {
        Some(seq) => tx.get(AUDIT, &seq)?.map_or(chain::START, |event| event.hash),
        None => chain::START,
    };
    let seq = tx.next_number("audit")?;
    let Did { action, target, changes, outcome } = did;
    let mut event =
        AuditEvent { at: env.now(), actor: actor.clone(), action, target, changes, outcome, hash: chain::START };
    event.hash = chain::hash(&before, seq, &event);
    tx.put(AUDIT, &seq, &event)?;
    Ok(seq)
}
