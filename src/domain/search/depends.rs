//! Whose documents name an object: they are made anew when it changes.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use aviary_kernel::base::Result;
use aviary_kernel::model::{HistoryEntry, Kind, ObjectKey, Operation, PanelId, RemoteId};
use aviary_kernel::store::tables::{ALLOCATION_SERVER, ALLOCATIONS_BY_NODE, CHILDREN};
use aviary_kernel::store::{Direction, Read, Span};
use serde_json::Value;

/// The objects whose documents say something of the one that changed.
pub(super) fn on(reader: &impl Read, entry: &HistoryEntry, out: &mut BTreeSet<ObjectKey>) -> Result<()> {
    let of = Of { reader, panel: entry.object.panel };
    let id = entry.object.id;
    match entry.object.kind {
        Kind::Location if touches(entry, &["short", "long"]) => {
            for node in of.children(Kind::Location, id, Kind::Node)? {
                of.add(out, Kind::Node, [node]);
                of.add(out, Kind::Server, of.children(Kind::Node, node, Kind::Server)?);
            }
        }
        Kind::Node if touches(entry, &["name", "locationId"]) => {
            of.add(out, Kind::Server, of.children(Kind::Node, id, Kind::Server)?);
            if touches(entry, &["name"]) {
                of.add(out, Kind::Allocation, of.allocations_of(id)?);
            }
        }
        Kind::Nest if touches(entry, &["name"]) => {
            of.add(out, Kind::Egg, of.children(Kind::Nest, id, Kind::Egg)?);
            of.add(out, Kind::Server, of.children(Kind::Nest, id, Kind::Server)?);
        }
        Kind::Egg if touches(entry, &["name"]) => {
            of.add(out, Kind::Server, of.children(Kind::Egg, id, Kind::Server)?);
        }
        Kind::EggVariable => of.add(out, Kind::Egg, named(entry, "eggId")),
        Kind::User if touches(entry, &["username", "email"]) => {
            of.add(out, Kind::Server, of.children(Kind::User, id, Kind::Server)?);
        }
        Kind::Server => {
            if touches(entry, &["name"]) {
                of.add(out, Kind::Database, of.children(Kind::Server, id, Kind::Database)?);
                of.add(out, Kind::Allocation, of.allocations_used_by(id, entry)?);
            }
            of.add(out, Kind::Allocation, named(entry, "allocations"));
            of.add(out, Kind::Allocation, named(entry, "allocationId"));
        }
        Kind::Allocation => of.add(out, Kind::Server, of.server_with(id)?),
        Kind::Subuser => of.add(out, Kind::Server, named(entry, "serverId")),
        _ => {}
    }
    Ok(())
}

/// What is new has nothing yet that names it, but may come after what does.
fn touches(entry: &HistoryEntry, fields: &[&str]) -> bool {
    entry.operation != Operation::Changed || entry.fields.iter().any(|change| fields.contains(&change.field.as_str()))
}

/// The numbers that a field has or had.
fn named(entry: &HistoryEntry, field: &str) -> Vec<RemoteId> {
    let changes = entry.fields.iter().filter(|change| change.field == field);
    let values = changes.flat_map(|change| change.old.iter().chain(&change.new)).map(|text| text.value());
    values
        .flat_map(|value| match value {
            Value::Array(items) => items,
            single => vec![single],
        })
        .filter_map(|value| value.as_u64())
        .collect()
}

struct Of<'r, R> {
    reader: &'r R,
    panel: PanelId,
}

impl<R: Read> Of<'_, R> {
    fn add(&self, out: &mut BTreeSet<ObjectKey>, kind: Kind, ids: impl IntoIterator<Item = RemoteId>) {
        out.extend(ids.into_iter().map(|id| ObjectKey { panel: self.panel, kind, id }));
    }

    fn children(&self, kind: Kind, of: RemoteId, child: Kind) -> Result<Vec<RemoteId>> {
        let keys = self.reader.all_keys(CHILDREN, &Span::prefix(&(self.panel, kind, of, child)))?;
        Ok(keys.into_iter().map(|(.., id)| id).collect())
    }

    fn allocations_of(&self, node: RemoteId) -> Result<Vec<RemoteId>> {
        let keys = self.reader.all_keys(ALLOCATIONS_BY_NODE, &Span::prefix(&(self.panel, node)))?;
        Ok(keys.into_iter().map(|(.., id)| id).collect())
    }

    fn allocations_used_by(&self, server: RemoteId, entry: &HistoryEntry) -> Result<Vec<RemoteId>> {
        use aviary_kernel::model::Server;
        use aviary_kernel::store::rows::Mirror;
        if entry.operation != Operation::Changed {
            // All of them stand in the entry.
            return Ok(Vec::new());
        }
        let row = self.reader.get(Server::table(), &(self.panel, server))?;
        Ok(row.map(|row| row.data.allocations.unwrap_or_default()).unwrap_or_default())
    }

    fn server_with(&self, allocation: RemoteId) -> Result<Option<RemoteId>> {
        let mut server = None;
        self.reader.walk_index(
            ALLOCATION_SERVER,
            &Span::prefix(&(self.panel, allocation)),
            Direction::Up,
            |(_, _, id)| {
                server = Some(id);
                Ok(ControlFlow::Break(()))
            },
        )?;
        Ok(server)
    }
}
