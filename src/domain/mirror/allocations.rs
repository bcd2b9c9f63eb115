use std::ops::ControlFlow;

use aviary_kernel::base::Result;
use aviary_kernel::model::{Allocation, Kind, Node, PanelId, RemoteId, Server};
use aviary_kernel::store::rows::{Mirror, Mirrored};
use aviary_kernel::store::tables::{ALLOCATION_SERVER, RowKey, counted};
use aviary_kernel::store::{Counter, Direction, Read, SortText, Span};

use super::counts::panels;
use super::finder::{Finder, candidates};
use super::list::page_size;
use super::searchable::Searchable;
use super::source::Source;

/// What is asked of the list of allocations: by name of the node, then address.
#[derive(Clone, Debug, Default)]
pub struct AllocationQuery {
    /// Only of this panel.
    pub panel: Option<PanelId>,
    /// Only of this node; all panels that have a node with this number, unless `panel` is given.
    pub node: Option<RemoteId>,
    /// Only of nodes at this location; as with `node`, of all panels unless `panel` is given.
    pub location: Option<RemoteId>,
    /// Only assigned ones, or only free ones.
    pub assigned: Option<bool>,
    /// Only what has this in address, alias or notes.
    pub search: Option<String>,
    /// Rows to pass over.
    pub offset: u64,
    /// Rows of a page; 0 is taken as 25.
    pub limit: usize,
}

/// An allocation with its node and the server that uses it.
#[derive(Clone, Debug)]
pub struct PlacedAllocation {
    /// The panel.
    pub panel: PanelId,
    /// The allocation.
    pub row: Mirrored<Allocation>,
    /// Its node, if that is known.
    pub node: Option<Node>,
    /// The server's number and name.
    pub server: Option<(RemoteId, String)>,
}

/// A page of allocations, and how many there are in all.
pub(super) fn allocations(
    reader: &impl Read,
    finder: Option<&Finder>,
    query: &AllocationQuery,
) -> Result<(Vec<PlacedAllocation>, u64)> {
    let limit = page_size(query.limit);
    let needle = query.search.as_deref().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
    let found = candidates(reader, finder, Kind::Allocation, query.panel, needle.as_deref())?;
    let (mut rows, mut total) = (Vec::new(), 0);
    for (panel, node) in nodes_by_name(reader, query)? {
        let source = Source::addresses(panel, node, query.assigned);
        let here = if needle.is_none() { node_total(reader, panel, node, query.assigned)? } else { u64::MAX };
        let full = rows.len() >= limit;
        // Whole nodes are passed over by their counters.
        if needle.is_none() && (full || total + here <= query.offset) {
            total += here;
            continue;
        }
        let mut at = total;
        source.walk(reader, None, Direction::Up, |_, key| {
            if rows.len() >= limit && needle.is_none() {
                return Ok(ControlFlow::Break(()));
            }
            if at < query.offset && needle.is_none() {
                at += 1;
                return Ok(ControlFlow::Continue(()));
            }
            if found.as_ref().is_some_and(|found| !found.may(&key)) {
                return Ok(ControlFlow::Continue(()));
            }
            let Some(row) = reader.get(Allocation::table(), &key)? else { return Ok(ControlFlow::Continue(())) };
            if needle.as_deref().is_none_or(|text| row.data.contains(text)) {
                if at >= query.offset && rows.len() < limit {
                    rows.push(place(reader, panel, row)?);
                }
                at += 1;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        total = if needle.is_none() { total + here } else { at };
    }
    Ok((rows, total))
}

/// The nodes whose allocations are asked for, by name. A single one is found by its number, not by walking all of them.
fn nodes_by_name(reader: &impl Read, query: &AllocationQuery) -> Result<Vec<RowKey>> {
    let mut nodes = nodes_asked_for(reader, query)?;
    if let Some(location) = query.location {
        let mut there = Vec::with_capacity(nodes.len());
        for key in nodes {
            let row = reader.get(Node::table(), &key)?;
            if row.is_some_and(|row| row.data.location_id == Some(location)) {
                there.push(key);
            }
        }
        nodes = there;
    }
    Ok(nodes)
}

fn nodes_asked_for(reader: &impl Read, query: &AllocationQuery) -> Result<Vec<RowKey>> {
    if let Some(node) = query.node {
        return nodes_with_number(reader, query.panel, node);
    }
    let mut nodes = Vec::new();
    Source::by_name(Kind::Node, query.panel).walk(reader, None, Direction::Up, |_, key| {
        nodes.push(key);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(nodes)
}

fn nodes_with_number(reader: &impl Read, panel: Option<PanelId>, node: RemoteId) -> Result<Vec<RowKey>> {
    let panels = panel.map_or_else(|| panels(reader), |panel| Ok(vec![panel]))?;
    let mut nodes = Vec::new();
    for panel in panels {
        if let Some(row) = reader.get(Node::table(), &(panel, node))? {
            nodes.push((SortText::new(&row.data.name), (panel, node)));
        }
    }
    nodes.sort();
    Ok(nodes.into_iter().map(|(_, key)| key).collect())
}

fn node_total(reader: &impl Read, panel: PanelId, node: RemoteId, assigned: Option<bool>) -> Result<u64> {
    let count = |what| reader.count(Counter { what, panel, of: node });
    Ok(match assigned {
        None => count(counted::NODE_ALLOCATIONS)?,
        Some(true) => count(counted::NODE_ASSIGNED)?,
        Some(false) => count(counted::NODE_ALLOCATIONS)?.saturating_sub(count(counted::NODE_ASSIGNED)?),
    })
}

/// Adds node and server to an allocation.
pub(super) fn place(reader: &impl Read, panel: PanelId, row: Mirrored<Allocation>) -> Result<PlacedAllocation> {
    let node = reader.get(Node::table(), &(panel, row.data.node_id))?.map(|node| node.data);
    let server = server_of(reader, panel, row.data.id)?;
    Ok(PlacedAllocation { panel, row, node, server })
}

/// The server that uses an allocation.
pub(super) fn server_of(
    reader: &impl Read,
    panel: PanelId,
    allocation: RemoteId,
) -> Result<Option<(RemoteId, String)>> {
    let users = reader.all_keys(ALLOCATION_SERVER, &Span::prefix(&(panel, allocation)))?;
    let Some((_, _, server)) = users.into_iter().next() else { return Ok(None) };
    let row = reader.get(Server::table(), &(panel, server))?;
    Ok(row.map(|row| (server, row.data.name)))
}
