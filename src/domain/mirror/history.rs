use std::ops::ControlFlow;

use aviary_kernel::base::{Cursor, Error, Result, Timestamp};
use aviary_kernel::model::{HistoryEntry, JsonText, Kind, ObjectKey, Operation, PanelId, SyncId};
use aviary_kernel::store::tables::{HISTORY, HISTORY_BY_SYNC, HISTORY_OF};
use aviary_kernel::store::{Direction, Key, Read, Span, WriteTx};
use serde::Serialize;

use super::list::page_size;

/// What is asked of the history. The default is everything, newest first.
#[derive(Clone, Debug, Default)]
pub struct HistoryQuery {
    /// Only of this object.
    pub object: Option<ObjectKey>,
    /// Only of this sync.
    pub sync: Option<SyncId>,
    /// Only of this panel.
    pub panel: Option<PanelId>,
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only what was done like this.
    pub operation: Option<Operation>,
    /// Only entries in which this field changed, or one below it.
    pub field: Option<String>,
    /// Only entries with this text in the object's name or in a value.
    pub search: Option<String>,
    /// Not older than this.
    pub from: Option<Timestamp>,
    /// Older than this.
    pub until: Option<Timestamp>,
    /// Behind this one.
    pub after: Option<Cursor>,
    /// Entries of a page; 0 is taken as 25.
    pub limit: usize,
}

/// A page of the history.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPage {
    /// Newest first.
    pub entries: Vec<HistoryEntry>,
    /// Where the next page begins; none on the last one.
    #[serde(skip)]
    pub next: Option<Cursor>,
}

/// Entries that one page looks at before it hands over to the next one, so that a rare filter does not hold up a reader.
const MOST_LOOKED_AT: usize = 20_000;

pub(super) fn page(reader: &impl Read, query: &HistoryQuery) -> Result<HistoryPage> {
    let wanted = page_size(query.limit);
    let (mut entries, mut looked_at, mut last) = (Vec::new(), 0, None);
    let mut more = false;
    each_number(reader, query, |seq| {
        if entries.len() == wanted || looked_at == MOST_LOOKED_AT {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        looked_at += 1;
        last = Some(seq);
        let Some(entry) = reader.get(HISTORY, &seq)? else { return Ok(ControlFlow::Continue(())) };
        if query.from.is_some_and(|from| entry.at < from) {
            return Ok(ControlFlow::Break(()));
        }
        if query.matches(&entry) {
            entries.push(entry);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let next = last.filter(|_| more).map(|seq| Cursor::after(&seq.to_bytes()));
    Ok(HistoryPage { entries, next })
}

fn each_number(
    reader: &impl Read,
    query: &HistoryQuery,
    mut visit: impl FnMut(u64) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let after = match &query.after {
        Some(cursor) => {
            Some(u64::from_bytes(cursor.key()).ok_or_else(|| Error::invalid("cursor", "is not one of the history"))?)
        }
        None => None,
    };
    if let Some(object) = query.object {
        let span = behind(Span::prefix(&object), after.map(|seq| (object, seq).to_bytes()));
        return reader.walk_index(HISTORY_OF, &span, Direction::Down, |(_, seq)| visit(seq));
    }
    if let Some(sync) = query.sync {
        let span = behind(Span::prefix(&sync), after.map(|seq| (sync, seq).to_bytes()));
        return reader.walk_index(HISTORY_BY_SYNC, &span, Direction::Down, |(_, seq)| visit(seq));
    }
    let span = behind(Span::all(), after.map(|seq| seq.to_bytes()));
    reader.walk_bytes(HISTORY.name(), &span, Direction::Down, &mut |key, _| {
        visit(u64::from_bytes(key).ok_or_else(|| Error::corrupt(HISTORY.name(), "a key cannot be read"))?)
    })
}

fn behind(span: Span, key: Option<Vec<u8>>) -> Span {
    match key {
        Some(key) => span.after(&key, Direction::Down),
        None => span,
    }
}

impl HistoryQuery {
    fn matches(&self, entry: &HistoryEntry) -> bool {
        self.sync.is_none_or(|sync| sync == entry.sync)
            && self.panel.is_none_or(|panel| panel == entry.object.panel)
            && self.kind.is_none_or(|kind| kind == entry.object.kind)
            && self.operation.is_none_or(|operation| operation == entry.operation)
            && self.until.is_none_or(|until| entry.at < until)
            && self
                .field
                .as_deref()
                .is_none_or(|field| entry.fields.iter().any(|change| is_at_or_below(&change.field, field)))
            && self.search.as_deref().is_none_or(|text| contains(entry, &text.trim().to_lowercase()))
    }
}

fn is_at_or_below(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn contains(entry: &HistoryEntry, needle: &str) -> bool {
    let values = entry.fields.iter().flat_map(|change| change.old.iter().chain(&change.new));
    entry.label.to_lowercase().contains(needle)
        || values.into_iter().any(|value| value.0.to_lowercase().contains(needle))
}

/// The object of a kind that had this UUID and was removed, as far back as one page of the history looks.
pub(super) fn removed(reader: &impl Read, kind: Kind, uuid: &str) -> Result<Option<ObjectKey>> {
    let is_it = |text: &JsonText| text.value().as_str().is_some_and(|text| text.eq_ignore_ascii_case(uuid));
    let (mut found, mut looked_at) = (None, 0);
    reader.walk(HISTORY, &Span::all(), Direction::Down, |_, entry| {
        looked_at += 1;
        let has_it = entry.object.kind == kind
            && entry.operation == Operation::Removed
            && entry.fields.iter().any(|change| change.field == "uuid" && change.old.as_ref().is_some_and(is_it));
        found = has_it.then_some(entry.object);
        Ok(if has_it || looked_at == MOST_LOOKED_AT { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

/// Removes at most `limit` entries that are older than `before`. The number removed.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn forget(tx: &mut WriteTx<'_>, before: Timestamp, limit: usize) -> Result<usize> {
    let mut old = Vec::new();
    tx.walk(HISTORY, &Span::all(), Direction::Up, |seq, entry| {
        if entry.at >= before || old.len() == limit {
            return Ok(ControlFlow::Break(()));
        }
        old.push(seq);
        Ok(ControlFlow::Continue(()))
    })?;
    for seq in &old {
        tx.remove(HISTORY, seq)?;
    }
    Ok(old.len())
}
