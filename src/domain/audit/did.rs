use aviary_kernel::base::Timestamp;
use aviary_kernel::model::{Action, Actor, AuditChange, AuditEvent, AuditTarget, Outcome};

use super::chain;

/// What was done, on its way into the trail.
#[derive(Clone, Debug)]
pub struct Did {
    pub(super) action: Action,
    pub(super) target: Option<AuditTarget>,
    pub(super) changes: Vec<AuditChange>,
    pub(super) outcome: Outcome,
}

/// Names, ids and reasons are kept up to this many characters: anybody may send any, and the trail must not swell.
const LONGEST_NAME: usize = 300;
/// Values before and after are kept up to this many characters.
const LONGEST_VALUE: usize = 4000;

impl Did {
    /// `action` was done.
    pub fn new(action: Action) -> Self {
        Self { action, target: None, changes: Vec::new(), outcome: Outcome::Done }
    }

    /// To this: its kind (`account`, `role`, `panel`, `setting`, a kind of mirrored object ...), id and name.
    #[must_use]
    pub fn to(mut self, kind: &str, id: impl ToString, name: impl Into<String>) -> Self {
        let (id, name) = (cut(id.to_string(), LONGEST_NAME), cut(name.into(), LONGEST_NAME));
        self.target = Some(AuditTarget { kind: kind.to_owned(), id, name });
        self
    }

    /// A field became different; nothing is noted when it did not. Secrets must be masked before they come here.
    #[must_use]
    pub fn changed(mut self, field: &str, before: Option<String>, after: Option<String>) -> Self {
        if before != after {
            let (before, after) = (before.map(|v| cut(v, LONGEST_VALUE)), after.map(|v| cut(v, LONGEST_VALUE)));
            self.changes.push(AuditChange { field: field.to_owned(), before, after });
        }
        self
    }

    /// It was refused.
    #[must_use]
    pub fn refused(mut self, why: impl Into<String>) -> Self {
        self.outcome = Outcome::Refused(cut(why.into(), LONGEST_NAME));
        self
    }

    /// It was tried and failed.
    #[must_use]
    pub fn failed(mut self, why: impl Into<String>) -> Self {
        self.outcome = Outcome::Failed(cut(why.into(), LONGEST_NAME));
        self
    }

    /// Whether a field became different.
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The event, without its place in the chain.
    pub(super) fn event(self, at: Timestamp, actor: &Actor) -> AuditEvent {
        let Self { action, target, changes, outcome } = self;
        let mut actor = actor.clone();
        actor.name = cut(actor.name, LONGEST_NAME);
        AuditEvent { at, actor, action, target, changes, outcome, hash: chain::START }
    }
}

/// The first `most` characters, with an ellipsis when there were more.
fn cut(mut text: String, most: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
    text
}
