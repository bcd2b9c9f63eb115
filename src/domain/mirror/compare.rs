//! What is different about an object between two times, worked out from how it is now and what is kept of its history.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{
    Allocation, Egg, EggVariable, HistoryEntry, JsonText, Kind, Location, Nest, Node, ObjectKey, Operation, Server,
    ServerDatabase, Subuser, SyncId, User,
};
use aviary_kernel::store::rows::Mirror;
use aviary_kernel::store::tables::{HISTORY, HISTORY_OF};
use aviary_kernel::store::{Direction, Read, Span};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::fields_of;

/// Entries of one object that are gone through; beyond them the object counts as not known.
const MOST_ENTRIES: usize = 10_000;
/// The number of the first entry that a data file ever gets.
const FIRST_ENTRY: u64 = 1;

/// An object at two times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// The object.
    pub object: ObjectKey,
    /// What it is called now, or was called last.
    pub label: String,
    /// The first time.
    pub from: Timestamp,
    /// The second time.
    pub until: Timestamp,
    /// From when on its history is known in full, when that is later than the first time: what was before is forgotten, and
    /// what stands for the first time is how it was then. None = nothing is missing.
    pub known_since: Option<Timestamp>,
    /// Whether it was there at the first time.
    pub was_there: bool,
    /// Whether it was there at the second time.
    pub is_there: bool,
    /// When it came or went in between, oldest first.
    pub turns: Vec<Turn>,
    /// Fields that differ, and those that changed in between and are as they were, by name.
    pub fields: Vec<ComparedField>,
    /// Changes in between.
    pub changes: u64,
}

/// The object came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// What happened.
    pub operation: Operation,
    /// When we saw it.
    pub at: Timestamp,
    /// The sync that saw it.
    pub sync: SyncId,
}

/// A field at two times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedField {
    /// The path, such as `limits.memory`.
    pub field: String,
    /// At the first time; none = there was no such field.
    pub old: Option<JsonText>,
    /// At the second time; none = there was no such field.
    pub new: Option<JsonText>,
    /// When it changed in between and which syncs saw that, oldest first.
    pub changes: Vec<Seen>,
}

impl ComparedField {
    /// Whether it is another one than at the first time.
    pub fn differs(&self) -> bool {
        self.old != self.new
    }
}

/// A change that a sync saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// In which sync.
    pub sync: SyncId,
}

/// What is known of an object now.
struct Present {
    fields: BTreeMap<String, Value>,
    label: String,
    /// When it changed last.
    changed_at: Timestamp,
}

/// The fields of an object at some time; none = it was not there.
type State = Option<BTreeMap<String, JsonText>>;

fn present<T: Mirror>(reader: &impl Read, object: ObjectKey) -> Result<Option<Present>> {
    let Some(row) = reader.get(T::table(), &(object.panel, object.id))? else { return Ok(None) };
    let (fields, label) = (fields_of(&row.data)?, row.data.label());
    Ok(Some(Present { fields, label, changed_at: row.changed_at }))
}

fn present_of(reader: &impl Read, object: ObjectKey) -> Result<Option<Present>> {
    match object.kind {
        Kind::Location => present::<Location>(reader, object),
        Kind::Node => present::<Node>(reader, object),
        Kind::Allocation => present::<Allocation>(reader, object),
        Kind::Nest => present::<Nest>(reader, object),
        Kind::Egg => present::<Egg>(reader, object),
        Kind::EggVariable => present::<EggVariable>(reader, object),
        Kind::User => present::<User>(reader, object),
        Kind::Server => present::<Server>(reader, object),
        Kind::Database => present::<ServerDatabase>(reader, object),
        Kind::Subuser => present::<Subuser>(reader, object),
    }
}

/// Compares an object with itself.
pub(super) fn compare(
    reader: &impl Read,
    object: ObjectKey,
    (from, until): (Timestamp, Timestamp),
) -> Result<Compared> {
    if until < from {
        return Err(Error::invalid("until", "is before `from`; the earlier time comes first"));
    }
    let (entries, cut_off) = entries(reader, object)?;
    let present = present_of(reader, object)?;
    let Some(label) = present.as_ref().map(|now| now.label.clone()).or_else(|| Some(entries.first()?.label.clone()))
    else {
        return Err(Error::not_found(object.kind.noun(), object.id));
    };
    let known = match cut_off {
        Some(at) => Some(at),
        None => known_since(reader, present.as_ref().filter(|_| entries.is_empty()))?,
    };
    let first = known.map_or(from, |known| from.max(known));
    let texts = |now: Present| now.fields.into_iter().map(|(field, value)| (field, JsonText::new(&value))).collect();
    let mut state: State = present.map(texts);
    let mut between = Vec::new();
    let mut after = None;
    for entry in entries {
        if entry.at > until {
            undo(&mut state, &entry);
            continue;
        }
        let _ = after.get_or_insert_with(|| state.clone());
        if entry.at <= first {
            break;
        }
        undo(&mut state, &entry);
        between.push(entry);
    }
    let after = after.unwrap_or_else(|| state.clone());
    between.reverse();
    Ok(Compared {
        object,
        label,
        from,
        until,
        known_since: known.filter(|known| *known > from),
        was_there: state.is_some(),
        is_there: after.is_some(),
        turns: between.iter().filter_map(turn).collect(),
        fields: fields(&state.unwrap_or_default(), &after.unwrap_or_default(), &between),
        changes: between.len() as u64,
    })
}

/// What is kept of an object's history, newest first, and from when on it is known if that is not all.
fn entries(reader: &impl Read, object: ObjectKey) -> Result<(Vec<HistoryEntry>, Option<Timestamp>)> {
    let (mut entries, mut more): (Vec<HistoryEntry>, bool) = (Vec::new(), false);
    reader.walk_index(HISTORY_OF, &Span::prefix(&object), Direction::Down, |(_, seq)| {
        if entries.len() == MOST_ENTRIES {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        entries.extend(reader.get(HISTORY, &seq)?);
        Ok(ControlFlow::Continue(()))
    })?;
    let cut_off = entries.last().filter(|_| more).map(|entry| entry.at);
    Ok((entries, cut_off))
}

/// From when on the object is known; none = always. History is forgotten by age, so it is whole from the oldest entry on that
/// is left of anything. `unchanged` is an object without entries: it was as it is since it changed last.
fn known_since(reader: &impl Read, unchanged: Option<&Present>) -> Result<Option<Timestamp>> {
    let mut oldest = None;
    reader.walk(HISTORY, &Span::all(), Direction::Up, |seq, entry| {
        oldest = Some((seq, entry.at));
        Ok(ControlFlow::Break(()))
    })?;
    Ok(match oldest {
        Some((FIRST_ENTRY, _)) => None,
        Some((_, at)) => Some(unchanged.map_or(at, |object| at.min(object.changed_at))),
        None => unchanged.map(|object| object.changed_at),
    })
}

/// Takes a change back.
fn undo(state: &mut State, entry: &HistoryEntry) {
    if entry.operation == Operation::Created {
        *state = None;
        return;
    }
    let fields = state.get_or_insert_default();
    for change in &entry.fields {
        match &change.old {
            Some(old) => fields.insert(change.field.clone(), old.clone()),
            None => fields.remove(&change.field),
        };
    }
}

fn turn(entry: &HistoryEntry) -> Option<Turn> {
    (entry.operation != Operation::Changed).then_some(Turn {
        operation: entry.operation,
        at: entry.at,
        sync: entry.sync,
    })
}

fn fields(
    old: &BTreeMap<String, JsonText>,
    new: &BTreeMap<String, JsonText>,
    between: &[HistoryEntry],
) -> Vec<ComparedField> {
    let mut seen: BTreeMap<&str, Vec<Seen>> = BTreeMap::new();
    for entry in between {
        for change in &entry.fields {
            seen.entry(&change.field).or_default().push(Seen { at: entry.at, sync: entry.sync });
        }
    }
    let differing = old.keys().chain(new.keys()).filter(|field| old.get(*field) != new.get(*field));
    for field in differing {
        seen.entry(field).or_default();
    }
    seen.into_iter()
        .map(|(field, changes)| ComparedField {
            field: field.to_owned(),
            old: old.get(field).cloned(),
            new: new.get(field).cloned(),
            changes,
        })
        .collect()
}
