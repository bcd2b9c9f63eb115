use std::ops::ControlFlow;

use aviary_kernel::base::{Cursor, Result, Timestamp};
use aviary_kernel::model::{Actor, StoredValue};
use aviary_kernel::store::tables::{SETTING_CHANGES, SETTING_CHANGES_OF};
use aviary_kernel::store::{Direction, Key as _, Read, Span};

use super::catalogue::Key;
use super::value::Value;
use super::{Settings, row};

/// A change of a setting.
#[derive(Clone, Debug)]
pub struct PastChange {
    /// Names it, as for [`Settings::undo`].
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// Before, masked; none = it was as without.
    pub before: Option<serde_json::Value>,
    /// After, masked; none = it was as without again.
    pub after: Option<serde_json::Value>,
    /// Whether nobody changed the setting since.
    pub can_undo: bool,
}

/// Some changes of a setting, newest first.
#[derive(Clone, Debug)]
pub struct ChangePage {
    /// The changes.
    pub changes: Vec<PastChange>,
    /// Where the next page begins.
    pub next: Option<Cursor>,
}

impl Settings {
    /// What a setting was, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn history(&self, key: Key, after: Option<Cursor>, limit: usize) -> Result<ChangePage> {
        let this = self.clone();
        self.store.read(move |tx| this.history_in(tx, key, after.as_ref(), limit)).await
    }

    fn history_in(&self, reader: &impl Read, key: Key, after: Option<&Cursor>, limit: usize) -> Result<ChangePage> {
        let of = Span::prefix(&row(key));
        let span = match after {
            Some(cursor) => of.after(cursor.key(), Direction::Down),
            None => of,
        };
        let mut keys = Vec::new();
        reader.walk_index(SETTING_CHANGES_OF, &span, Direction::Down, |found| {
            keys.push(found);
            Ok(if keys.len() <= limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        let next = (keys.len() > limit).then(|| keys.truncate(limit)).and(keys.last());
        let next = next.map(|key| Cursor::after(&key.to_bytes()));
        let held = self.held(reader, key)?;
        let mut changes = Vec::with_capacity(keys.len());
        for (_, number) in keys {
            let Some(change) = reader.get(SETTING_CHANGES, &number)? else { continue };
            let opened = |value: &Option<StoredValue>| {
                value.as_ref().map(|value| Value::load(key, value, &self.sealer)).transpose()
            };
            let (before, after) = (opened(&change.before)?, opened(&change.after)?);
            let fits = self.may_come_back(reader, key, &change, before.as_ref())?;
            changes.push(PastChange {
                number,
                at: change.at,
                by: change.by,
                can_undo: after == held && fits && (before.is_some() || !key.is_needed_by_panel()),
                before: before.map(|value| value.shown()),
                after: after.map(|value| value.shown()),
            });
        }
        Ok(ChangePage { changes, next })
    }
}
