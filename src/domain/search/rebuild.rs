//! Makes the index anew from the data file: objects first, then records, newest first.

use std::ops::ControlFlow;

use aviary_kernel::base::Result;
use aviary_kernel::model::{AccountId, Kind, ObjectKey, PanelId};
use aviary_kernel::store::tables::{
    ACCOUNTS, ALLOCATIONS, AUDIT, DATABASES, DELIVERIES, EGGS, EVENTS, HISTORY, JOBS, LOCATIONS, MAILS, NESTS, NODES,
    PANELS, RowKey, SCHEDULES, SERVERS, SYNCS, USERS, WEBHOOKS,
};
use aviary_kernel::store::{Direction, Key, Read, Span, Store};
use uuid::Uuid;

use super::mark::Mark;
use super::pens::Pens;
use super::shard::Outcome;
use super::shelf::Shelf;
use super::{Place, docs};

/// Rows that are read from one snapshot.
const PER_SNAPSHOT: usize = 500;
/// Searches see what is in the index after so many rows.
const PER_COMMIT: u64 = 20_000;

/// A table whose rows are found, and which thing a key names.
struct Source {
    table: &'static str,
    place: fn(&[u8]) -> Option<Place>,
}

fn mirrored(bytes: &[u8], kind: Kind) -> Option<Place> {
    let (panel, id) = RowKey::from_bytes(bytes)?;
    Some(Place::Object(ObjectKey { panel, kind, id }))
}

fn uuid(bytes: &[u8]) -> Option<Uuid> {
    Key::from_bytes(bytes)
}

/// In the order in which people miss them.
const SOURCES: &[Source] = &[
    Source { table: SERVERS.name(), place: |key| mirrored(key, Kind::Server) },
    Source { table: NODES.name(), place: |key| mirrored(key, Kind::Node) },
    Source { table: USERS.name(), place: |key| mirrored(key, Kind::User) },
    Source { table: EGGS.name(), place: |key| mirrored(key, Kind::Egg) },
    Source { table: NESTS.name(), place: |key| mirrored(key, Kind::Nest) },
    Source { table: LOCATIONS.name(), place: |key| mirrored(key, Kind::Location) },
    Source { table: PANELS.name(), place: |key| PanelId::from_bytes(key).map(Place::Panel) },
    Source { table: ACCOUNTS.name(), place: |key| AccountId::from_bytes(key).map(Place::Account) },
    Source { table: WEBHOOKS.name(), place: |key| uuid(key).map(Place::Webhook) },
    Source { table: SCHEDULES.name(), place: |key| uuid(key).map(Place::Schedule) },
    Source { table: DATABASES.name(), place: |key| mirrored(key, Kind::Database) },
    Source { table: ALLOCATIONS.name(), place: |key| mirrored(key, Kind::Allocation) },
    Source { table: SYNCS.name(), place: |key| uuid(key).map(Place::Sync) },
    Source { table: JOBS.name(), place: |key| uuid(key).map(Place::Job) },
    Source { table: AUDIT.name(), place: |key| u64::from_bytes(key).map(Place::Audit) },
    Source { table: EVENTS.name(), place: |key| uuid(key).map(Place::Event) },
    Source { table: DELIVERIES.name(), place: |key| uuid(key).map(Place::Delivery) },
    Source { table: MAILS.name(), place: |key| u64::from_bytes(key).map(Place::Mail) },
    Source { table: HISTORY.name(), place: change },
];

/// The object stands in the entry.
fn change(key: &[u8]) -> Option<Place> {
    let nothing = ObjectKey { panel: PanelId(0), kind: Kind::Server, id: 0 };
    u64::from_bytes(key).map(|number| Place::Change(number, nothing))
}

/// Fills an empty index; `tell` hears how many rows of how many are in it. How far the index is then.
pub(super) fn fill(
    store: &Store,
    shelf: &Shelf,
    pens: &mut Pens,
    tell: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Outcome<Option<Mark>> {
    // What changes from here on is followed afterwards.
    let mut mark = store.read_blocking(Mark::end)?;
    let of = store.read_blocking(count)?;
    let (mut done, mut committed) = (0, 0);
    for source in SOURCES {
        let mut after = None;
        loop {
            let (made, last) = store.read_blocking(|tx| source.some(tx, after.as_deref()))?;
            done += last.as_ref().map_or(0, |(_, rows)| *rows);
            for doc in made {
                pens.put(shelf, &doc, true)?;
            }
            if done - committed >= PER_COMMIT {
                pens.commit(shelf, None)?;
                committed = done;
            }
            if tell(done.min(of), of).is_break() {
                return Ok(None);
            }
            let Some((key, _)) = last else { break };
            after = Some(key);
        }
    }
    pens.commit(shelf, Some(&mut mark))?;
    Ok(Some(mark))
}

impl Source {
    /// The next documents, and the key of the last row with how many there were.
    #[allow(clippy::type_complexity, reason = "two things that belong together")]
    fn some(&self, reader: &impl Read, after: Option<&[u8]>) -> Result<(Vec<docs::Doc>, Option<(Vec<u8>, u64)>)> {
        let span = after.map_or_else(Span::all, |key| Span::all().after(key, Direction::Down));
        let mut keys = Vec::new();
        reader.walk_bytes(self.table, &span, Direction::Down, &mut |key, _| {
            keys.push(key.to_vec());
            Ok(if keys.len() < PER_SNAPSHOT { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        let mut made = Vec::with_capacity(keys.len());
        for key in &keys {
            if let Some(place) = (self.place)(key) {
                made.extend(docs::load(reader, &place)?);
            }
        }
        let rows = keys.len() as u64;
        Ok((made, keys.pop().map(|key| (key, rows))))
    }
}

fn count(reader: &impl Read) -> Result<u64> {
    let mut rows = 0;
    for source in SOURCES {
        reader.walk_bytes(source.table, &Span::all(), Direction::Up, &mut |_, _| {
            rows += 1;
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(rows)
}
