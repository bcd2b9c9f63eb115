use std::collections::HashSet;
use std::sync::Arc;

use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, Operation, PanelId, SyncId};
use aviary_kernel::store::Read;
use aviary_kernel::store::tables::RowKey;

/// Somebody whom lists ask before they read all rows.
pub type Finder = Arc<dyn Finds>;

/// Knows what there is without reading it.
pub trait Finds: Send + Sync {
    /// The rows that hold a text; none unless all rows of that snapshot are known.
    fn rows(&self, sought: &Sought<'_>) -> Option<Candidates>;

    /// The newest entries of the history that are of some sort; none when that is not known at the moment.
    fn changes(&self, sought: &SoughtChanges<'_>) -> Option<KnownChanges>;
}

/// A text that is looked for in what [`super::Searchable::texts`] gives.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'s> {
    /// Objects of this kind.
    pub kind: Kind,
    /// Only of this panel.
    pub panel: Option<PanelId>,
    /// The text in lower case.
    pub needle: &'s str,
    /// The last number of the history in the snapshot: what was known later or earlier is of no use.
    pub history: u64,
}

/// Of which sort entries of the history are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct SoughtChanges<'s> {
    /// Only of this panel.
    pub panel: Option<PanelId>,
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only what was done like this.
    pub operation: Option<Operation>,
    /// Only of this sync.
    pub sync: Option<SyncId>,
    /// Only where this field changed, or one below it.
    pub field: Option<&'s str>,
    /// Only what was removed and had this UUID, in lower case.
    pub removed_uuid: Option<&'s str>,
    /// Only before this number.
    pub below: u64,
    /// At most so many.
    pub most: usize,
}

impl SoughtChanges<'_> {
    /// Whether it is less than everything.
    pub(super) fn narrows(&self) -> bool {
        self.panel.is_some()
            || self.kind.is_some()
            || self.operation.is_some()
            || self.sync.is_some()
            || self.field.is_some()
            || self.removed_uuid.is_some()
    }
}

/// Entries of the history.
#[derive(Clone, Debug, Default)]
pub struct KnownChanges {
    /// Their numbers, newest first. Some may have been forgotten since.
    pub numbers: Vec<u64>,
    /// Up to this number the history is known; what is newer must be looked through.
    pub upto: u64,
}

/// The rows that hold a text.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// These do.
    pub sure: HashSet<RowKey>,
    /// These may; they must be read.
    pub unsure: HashSet<RowKey>,
}

impl Candidates {
    /// Whether a row may hold the text.
    pub(super) fn may(&self, key: &RowKey) -> bool {
        self.sure.contains(key) || self.unsure.contains(key)
    }

    /// How many there are at most.
    pub(super) fn len(&self) -> usize {
        self.sure.len() + self.unsure.len()
    }
}

/// The rows of a kind that hold a text; none when they must be looked through.
pub(super) fn candidates(
    reader: &impl Read,
    finder: Option<&Finder>,
    kind: Kind,
    panel: Option<PanelId>,
    text: Option<&str>,
) -> Result<Option<Candidates>> {
    let (Some(finder), Some(text)) = (finder, text) else { return Ok(None) };
    let needle = text.trim().to_lowercase();
    let history = reader.last_number("history")?;
    Ok(finder.rows(&Sought { kind, panel, needle: &needle, history }))
}
