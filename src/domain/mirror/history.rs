use std::ops::ControlFlow;

use aviary_kernel::base::{Cursor, Error, Result, Timestamp};
use aviary_kernel::model::{HistoryEntry, JsonText, Kind, ObjectKey, Operation, PanelId, SyncId};
use aviary_kernel::store::tables::{HISTORY, HISTORY_BY_SYNC, HISTORY_OF};
use aviary_kernel::store::{Direction, Key, Read, Span, WriteTx};
use serde::Serialize;

use super::finder::{Finder, KnownChanges, SoughtChanges};
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
    /// Not older than this. Times take the clock as one that was never put back.
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
    /// Where the next page begins; none on the last one. There may be one although nothing was found: a page reads only so much.
    #[serde(skip)]
    pub next: Option<Cursor>,
}

/// Work of one page before it hands over to the next one, so that a rare filter does not hold up a reader: the fields of the entries that
/// it reads, and [`EACH`] for each of them. That is a few milliseconds.
const MOST_READ: usize = 10_000;
/// What an entry costs beside its fields.
const EACH: usize = 4;
/// Entries that the finder is asked for at least: some may not fit the rest of the query.
const CANDIDATES: usize = 256;

/// A page; `finder` knows which entries may be on it, so that the others need not be read.
pub(super) fn page(reader: &impl Read, finder: Option<&Finder>, query: &HistoryQuery) -> Result<HistoryPage> {
    let below = query.below(reader)?;
    let mut look = Look::new(query);
    if let Some(object) = query.object {
        let span = Span::prefix(&object).after(&(object, below).to_bytes(), Direction::Down);
        reader.walk_index(HISTORY_OF, &span, Direction::Down, |(_, seq)| look.at(reader, seq))?;
        return Ok(look.done());
    }
    let sought = query.sought(below, look.wanted);
    let is_of_sync_only = SoughtChanges { sync: None, ..sought }.narrows();
    if let Some(known) = finder.filter(|_| is_of_sync_only).and_then(|finder| finder.changes(&sought)) {
        look.among(reader, &known, &sought)?;
    } else if let Some(sync) = query.sync {
        let span = Span::prefix(&sync).after(&(sync, below).to_bytes(), Direction::Down);
        reader.walk_index(HISTORY_BY_SYNC, &span, Direction::Down, |(_, seq)| look.at(reader, seq))?;
    } else {
        let span = Span::all().after(&below.to_bytes(), Direction::Down);
        reader.walk(HISTORY, &span, Direction::Down, |seq, entry| Ok(look.take(seq, entry)))?;
    }
    Ok(look.done())
}

/// A page in the making.
struct Look<'q> {
    query: &'q HistoryQuery,
    needle: Option<String>,
    wanted: usize,
    entries: Vec<HistoryEntry>,
    read: usize,
    /// The entry that was looked at last.
    last: Option<u64>,
    /// There may be more behind it.
    more: bool,
    /// Nothing behind it can fit.
    over: bool,
}

impl<'q> Look<'q> {
    fn new(query: &'q HistoryQuery) -> Self {
        let needle = query.search.as_deref().map(|text| text.trim().to_lowercase());
        let wanted = page_size(query.limit);
        Self { query, needle, wanted, entries: Vec::new(), read: 0, last: None, more: false, over: false }
    }

    /// Whether the page holds or has read as much as it may; then the next one goes on.
    fn is_full(&mut self) -> bool {
        self.more = self.entries.len() == self.wanted || self.read >= MOST_READ;
        self.more
    }

    fn at(&mut self, reader: &impl Read, seq: u64) -> Result<ControlFlow<()>> {
        if self.is_full() {
            return Ok(ControlFlow::Break(()));
        }
        Ok(match reader.get(HISTORY, &seq)? {
            Some(entry) => self.take(seq, entry),
            None => ControlFlow::Continue(()),
        })
    }

    fn take(&mut self, seq: u64, entry: HistoryEntry) -> ControlFlow<()> {
        if self.is_full() {
            return ControlFlow::Break(());
        }
        self.last = Some(seq);
        self.read += EACH + entry.fields.len();
        if self.query.from.is_some_and(|from| entry.at < from) {
            self.over = true;
            return ControlFlow::Break(());
        }
        if self.query.matches(&entry) && self.needle.as_deref().is_none_or(|needle| contains(&entry, needle)) {
            self.entries.push(entry);
        }
        ControlFlow::Continue(())
    }

    /// Looks at what is too new to be known, and then at what is known to be of the wanted sort.
    fn among(&mut self, reader: &impl Read, known: &KnownChanges, sought: &SoughtChanges<'_>) -> Result<()> {
        let span = Span::all().after(&known.upto.to_bytes(), Direction::Up);
        let span = span.after(&sought.below.to_bytes(), Direction::Down);
        reader.walk(HISTORY, &span, Direction::Down, |seq, entry| Ok(self.take(seq, entry)))?;
        for seq in &known.numbers {
            if self.more || self.over || self.at(reader, *seq)?.is_break() {
                return Ok(());
            }
            self.last = Some(*seq);
        }
        self.more = self.more || (!self.over && known.numbers.len() >= sought.most);
        Ok(())
    }

    fn done(self) -> HistoryPage {
        let next = self.last.filter(|_| self.more).map(|seq| Cursor::after(&seq.to_bytes()));
        HistoryPage { entries: self.entries, next }
    }
}

impl HistoryQuery {
    /// Only entries before this number can fit.
    fn below(&self, reader: &impl Read) -> Result<u64> {
        let after = match &self.after {
            Some(cursor) => {
                u64::from_bytes(cursor.key()).ok_or_else(|| Error::invalid("cursor", "is not one of the history"))?
            }
            None => u64::MAX,
        };
        Ok(match self.until {
            Some(until) if self.object.is_none() => after.min(first_at(reader, until)?),
            _ => after,
        })
    }

    fn sought(&self, below: u64, wanted: usize) -> SoughtChanges<'_> {
        SoughtChanges {
            panel: self.panel,
            kind: self.kind,
            operation: self.operation,
            sync: self.sync,
            field: self.field.as_deref(),
            removed_uuid: None,
            below,
            most: CANDIDATES.max(wanted + 1),
        }
    }

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
    }
}

/// The number of the first entry that is not older than this.
fn first_at(reader: &impl Read, at: Timestamp) -> Result<u64> {
    let mut low = 0;
    let mut high = reader.last_number("history")?.saturating_add(1);
    while low < high {
        let middle = low + (high - low) / 2;
        let mut found = None;
        let span = Span::all().after(&middle.saturating_sub(1).to_bytes(), Direction::Up);
        reader.walk(HISTORY, &span, Direction::Up, |seq, entry| {
            found = Some((seq, entry.at));
            Ok(ControlFlow::Break(()))
        })?;
        match found {
            Some((seq, then)) if then < at => low = seq.saturating_add(1),
            _ => high = middle,
        }
    }
    Ok(low)
}

fn is_at_or_below(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn contains(entry: &HistoryEntry, needle: &str) -> bool {
    let values = entry.fields.iter().flat_map(|change| change.old.iter().chain(&change.new));
    entry.label.to_lowercase().contains(needle)
        || values.into_iter().any(|value| value.0.to_lowercase().contains(needle))
}

/// The object of a kind that had this UUID and was removed, as far back as `finder` knows, or one page of the history looks.
pub(super) fn removed(
    reader: &impl Read,
    finder: Option<&Finder>,
    kind: Kind,
    uuid: &str,
) -> Result<Option<ObjectKey>> {
    let wanted = uuid.to_lowercase();
    let query =
        HistoryQuery { kind: Some(kind), operation: Some(Operation::Removed), limit: 1, ..HistoryQuery::default() };
    let sought = SoughtChanges { removed_uuid: Some(&wanted), ..query.sought(u64::MAX, 1) };
    let known = finder.and_then(|finder| finder.changes(&sought));
    let is_it = |text: &JsonText| text.value().as_str().is_some_and(|text| text.eq_ignore_ascii_case(uuid));
    let had_it = |entry: &HistoryEntry| {
        entry.fields.iter().any(|change| change.field == "uuid" && change.old.as_ref().is_some_and(is_it))
    };
    let (mut found, mut read) = (None, 0);
    let since = known.as_ref().map_or(0, |known| known.upto);
    let span = Span::all().after(&since.to_bytes(), Direction::Up);
    reader.walk(HISTORY, &span, Direction::Down, |_, entry| {
        read += EACH + entry.fields.len();
        let fits = query.matches(&entry) && had_it(&entry);
        found = fits.then_some(entry.object);
        Ok(if fits || read >= MOST_READ { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    for seq in known.map(|known| known.numbers).unwrap_or_default() {
        if found.is_some() {
            break;
        }
        found = reader.get(HISTORY, &seq)?.filter(had_it).map(|entry| entry.object);
    }
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
