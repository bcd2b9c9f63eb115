use std::collections::HashSet;
use std::sync::Arc;

use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, PanelId};
use aviary_kernel::store::Read;
use aviary_kernel::store::tables::RowKey;

/// Knows without reading them which rows hold a text, when it knows all rows of that snapshot. A list asks it before it reads them all.
pub type Finder = Arc<dyn Fn(&Sought<'_>) -> Option<Candidates> + Send + Sync>;

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
    Ok(finder(&Sought { kind, panel, needle: &needle, history }))
}
