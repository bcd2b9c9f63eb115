//! What the mirror holds of a scope: ids only, without reading the rows.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use aviary_kernel::base::{Error, Result};
use aviary_kernel::model::{
    Allocation, Egg, EggVariable, Kind, Location, Nest, Node, PanelId, RemoteId, Server, ServerDatabase, Subuser, User,
};
use aviary_kernel::store::rows::Mirror;
use aviary_kernel::store::tables::{ALLOCATION_SERVER, ALLOCATIONS_BY_NODE, CHILDREN, RowKey, counted};
use aviary_kernel::store::{Counter, Direction, Key, Read, Span};

use super::run::Absent;

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

/// The eggs of a nest that no server uses.
pub(super) fn unused_eggs(reader: &impl Read, panel: PanelId, nest: RemoteId) -> Result<Vec<RemoteId>> {
    let mut unused = Vec::new();
    for egg in children(reader, panel, (Kind::Nest, nest), Kind::Egg)? {
        if reader.count(Counter { what: counted::EGG_SERVERS, panel, of: egg })? == 0 {
            unused.push(egg);
        }
    }
    Ok(unused)
}

/// The servers that use an allocation.
pub(super) fn users_of(reader: &impl Read, panel: PanelId, allocation: RemoteId) -> Result<Vec<RemoteId>> {
    let keys = reader.all_keys(ALLOCATION_SERVER, &Span::prefix(&(panel, allocation)))?;
    Ok(keys.into_iter().map(|(_, _, server)| server).collect())
}

/// Whether the mirror holds an object, and still where it was missed.
pub(super) fn is_at(reader: &impl Read, panel: PanelId, absent: Absent) -> Result<bool> {
    match absent.kind {
        Kind::Location => stands::<Location>(reader, panel, absent),
        Kind::Node => stands::<Node>(reader, panel, absent),
        Kind::Allocation => stands::<Allocation>(reader, panel, absent),
        Kind::Nest => stands::<Nest>(reader, panel, absent),
        Kind::Egg => stands::<Egg>(reader, panel, absent),
        Kind::EggVariable => stands::<EggVariable>(reader, panel, absent),
        Kind::User => stands::<User>(reader, panel, absent),
        Kind::Server => stands::<Server>(reader, panel, absent),
        Kind::Database => stands::<ServerDatabase>(reader, panel, absent),
        Kind::Subuser => stands::<Subuser>(reader, panel, absent),
    }
}

fn stands<T: Mirror>(reader: &impl Read, panel: PanelId, absent: Absent) -> Result<bool> {
    let Some(row) = reader.get(T::table(), &(panel, absent.id))? else { return Ok(false) };
    Ok(absent.parent.is_none_or(|parent| row.data.parents().first().is_none_or(|(_, id)| *id == parent)))
}
