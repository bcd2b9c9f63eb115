//! What the mirror holds of a scope: ids only, without reading the rows.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{Egg, Kind, PanelId, RemoteId, Server};
use aviary_kernel::store::rows::Mirror;
use aviary_kernel::store::tables::{ALLOCATIONS_BY_NODE, CHILDREN, RowKey};
use aviary_kernel::store::{Direction, Key, Read, Span};

/// The ids of a kind that `keep` wants.
pub(super) fn of_kind<T: Mirror>(
    reader: &impl Read,
    panel: PanelId,
    keep: impl Fn(RemoteId) -> bool,
) -> Result<Vec<RemoteId>> {
    let table = T::table().name();
    let mut ids = Vec::new();
    reader.walk_bytes(table, &Span::prefix(&panel), Direction::Up, &mut |key, _| {
        let (_, id) = RowKey::from_bytes(key).ok_or_else(|| Error::corrupt(table, "a key cannot be read"))?;
        if keep(id) {
            ids.push(id);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(ids)
}

/// The allocations of a node.
pub(super) fn allocations(reader: &impl Read, panel: PanelId, node: RemoteId) -> Result<Vec<RemoteId>> {
    Ok(reader.all_keys(ALLOCATIONS_BY_NODE, &Span::prefix(&(panel, node)))?.into_iter().map(|(.., id)| id).collect())
}

/// What belongs to an object, of one kind.
pub(super) fn children(
    reader: &impl Read,
    panel: PanelId,
    parent: (Kind, RemoteId),
    kind: Kind,
) -> Result<Vec<RemoteId>> {
    let keys = reader.all_keys(CHILDREN, &Span::prefix(&(panel, parent.0, parent.1, kind)))?;
    Ok(keys.into_iter().map(|(.., id)| id).collect())
}

/// Every egg that a nest is known to have, from its own list or from its servers. Without a nest, every egg.
pub(super) fn eggs(reader: &impl Read, panel: PanelId, nest: Option<RemoteId>) -> Result<Vec<RemoteId>> {
    let mut ids: BTreeSet<_> = match nest {
        Some(nest) => children(reader, panel, (Kind::Nest, nest), Kind::Egg)?.into_iter().collect(),
        None => of_kind::<Egg>(reader, panel, |_| true)?.into_iter().collect(),
    };
    let servers = match nest {
        Some(nest) => children(reader, panel, (Kind::Nest, nest), Kind::Server)?,
        None => of_kind::<Server>(reader, panel, |_| true)?,
    };
    for server in servers {
        ids.extend(reader.get(Server::table(), &(panel, server))?.map(|row| row.data.egg_id));
    }
    Ok(ids.into_iter().collect())
}

/// The nest of an egg.
pub(super) fn nest_of(reader: &impl Read, panel: PanelId, egg: RemoteId) -> Result<Option<RemoteId>> {
    Ok(reader.get(Egg::table(), &(panel, egg))?.and_then(|row| row.data.nest_id))
}
