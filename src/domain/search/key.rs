//! What names a document in the index.

use aviary_kernel::model::{AccountId, Kind, ObjectKey, PanelId};
use uuid::Uuid;

use super::{Place, Subject};

/// Classes of changes begin here; each kind of object has one, since not everybody sees the changes of every kind.
const CHANGES: u64 = 64;

/// What decides who may see a document: its subject, and of changes the kind of object.
pub(super) fn class(subject: Subject, kind: Option<Kind>) -> u64 {
    match (subject, kind) {
        (Subject::Change, Some(kind)) => CHANGES + u64::from(kind.number()),
        _ => subject.number(),
    }
}

/// The subject of a class.
pub(super) fn subject_of(class: u64) -> Option<Subject> {
    if class >= CHANGES { Some(Subject::Change) } else { Subject::numbered(class) }
}

/// The kind of object of a class of changes.
pub(super) fn kind_of(class: u64) -> Option<Kind> {
    class.checked_sub(CHANGES).and_then(|number| u8::try_from(number).ok()).and_then(Kind::from_number)
}

/// All classes there are.
pub(super) fn classes() -> impl Iterator<Item = u64> {
    let plain = Subject::ALL.iter().filter(|subject| **subject != Subject::Change).map(|subject| subject.number());
    plain.chain(Kind::ALL.into_iter().map(|kind| class(Subject::Change, Some(kind))))
}

impl Place {
    /// Two numbers that together with panel and class say which one it is.
    pub(super) fn key(&self) -> (u64, u64) {
        match self {
            Self::Object(key) => (key.id, 0),
            Self::Panel(panel) => (panel.0.into(), 0),
            Self::Account(account) => account.0.as_u64_pair(),
            Self::Change(number, of) => (*number, of.id),
            Self::Audit(number) | Self::Mail(number) => (*number, 0),
            Self::Webhook(id)
            | Self::Schedule(id)
            | Self::Sync(id)
            | Self::Event(id)
            | Self::Job(id)
            | Self::Delivery(id) => id.as_u64_pair(),
        }
    }

    /// What one document of all has. None = it is found with what it belongs to.
    pub(super) fn id(&self) -> Option<Vec<u8>> {
        let subject = self.subject()?;
        let (a, b) = self.key();
        let mut id = Vec::with_capacity(22);
        id.extend(subject.number().to_be_bytes().last());
        match self {
            Self::Object(key) => id.extend(key.panel.0.to_be_bytes()),
            // The object need not be known to know the change.
            Self::Change(number, _) => {
                id.extend(number.to_be_bytes());
                return Some(id);
            }
            _ => {}
        }
        id.extend(a.to_be_bytes());
        id.extend(b.to_be_bytes());
        Some(id)
    }

    /// The place that a document's columns name.
    pub(super) fn of(class: u64, panel: u64, a: u64, b: u64) -> Option<Self> {
        let panel = PanelId(u32::try_from(panel).ok()?);
        let uuid = Uuid::from_u64_pair(a, b);
        let object = |kind, id| ObjectKey { panel, kind, id };
        Some(match subject_of(class)? {
            Subject::Server => Self::Object(object(Kind::Server, a)),
            Subject::Node => Self::Object(object(Kind::Node, a)),
            Subject::Allocation => Self::Object(object(Kind::Allocation, a)),
            Subject::Database => Self::Object(object(Kind::Database, a)),
            Subject::User => Self::Object(object(Kind::User, a)),
            Subject::Egg => Self::Object(object(Kind::Egg, a)),
            Subject::Nest => Self::Object(object(Kind::Nest, a)),
            Subject::Location => Self::Object(object(Kind::Location, a)),
            Subject::Panel => Self::Panel(PanelId(u32::try_from(a).ok()?)),
            Subject::Account => Self::Account(AccountId(uuid)),
            Subject::Webhook => Self::Webhook(uuid),
            Subject::Schedule => Self::Schedule(uuid),
            Subject::Sync => Self::Sync(uuid),
            Subject::Change => Self::Change(a, object(kind_of(class)?, b)),
            Subject::Audit => Self::Audit(a),
            Subject::Event => Self::Event(uuid),
            Subject::Job => Self::Job(uuid),
            Subject::Delivery => Self::Delivery(uuid),
            Subject::Mail => Self::Mail(a),
        })
    }
}
