use aviary_kernel::base::{Env, Result};
use aviary_kernel::model::{HistoryEntry, Kind, User};
use aviary_kernel::store::rows::Mirror;
use aviary_kernel::store::{Read, WriteTx};

use super::writer::Draft;
use crate::events::{Happening, Listeners, ObjectFacts, What};

/// Tells of a change of a mirrored object, in the transaction that makes it.
pub(super) fn tell<T: Draft>(
    tx: &mut WriteTx<'_>,
    env: &Env,
    listeners: &mut Listeners,
    entry: &HistoryEntry,
    before: Option<&T>,
    after: Option<&T>,
) -> Result<()> {
    let panel = entry.object.panel;
    for what in happened(entry, before, after) {
        if !listeners.want(what.event(T::KIND), Some(panel)) {
            continue;
        }
        let Some(object) = after.or(before) else { continue };
        let mut facts = ObjectFacts::of(entry, what, object.uuid());
        if let (Kind::Server, Some(owner)) = (T::KIND, object.owner()) {
            let name = tx.get(User::table(), &(panel, owner))?.map(|row| row.data.label());
            facts = facts.owned_by(owner, name);
        }
        listeners.raise(tx, env, &Happening::Object(facts))?;
    }
    Ok(())
}

fn happened<T: Draft>(entry: &HistoryEntry, before: Option<&T>, after: Option<&T>) -> impl Iterator<Item = What> {
    let suspended = before.zip(after).map(|(before, after)| (before.is_suspended(), after.is_suspended()));
    let more = match suspended {
        Some((false, true)) => Some(What::Suspended),
        Some((true, false)) => Some(What::Unsuspended),
        _ => None,
    };
    [What::from(entry.operation)].into_iter().chain(more)
}
