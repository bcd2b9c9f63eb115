//! What the data file knows of its key.

use aviary_kernel::base::{Error, Result, Sealed, Timestamp};
use aviary_kernel::model::Actor;
use aviary_kernel::store::rows::Setting;
use aviary_kernel::store::tables::SETTINGS;
use aviary_kernel::store::{Read, SealCursor, SealPass, SortText, WriteTx};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A known text, sealed under the key that the file belongs to.
pub(super) const KEY_CHECK: &str = "key_check";
/// The key for marks, sealed. Never changes.
pub(super) const MARKS: &str = "marks";
/// The key that keys for signatures follow from, sealed. Changes with the master key.
pub(super) const SIGNING: &str = "signing";
/// How far the renewal of the key is; only while there is one.
const ROTATION: &str = "key_rotation";

/// What is sealed as the check.
pub(super) const CHECK_TEXT: &str = "aviary";

/// A renewal of the key that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rotation {
    /// The id of the old key.
    pub(super) from: u32,
    /// The id of the new key.
    pub(super) to: u32,
    /// The check under the new key.
    pub(super) check: Sealed,
    /// Who began it.
    pub(super) by: Actor,
    /// When.
    pub(super) begun_at: Timestamp,
    /// Rows that can hold sealed values, when it began.
    pub(super) total: u64,
    /// Rows that were looked at so far, in all passes.
    pub(super) rows: u64,
    /// Rows that were sealed anew.
    pub(super) resealed: u64,
    /// Where the pass goes on.
    cursor: Option<SealCursor>,
    /// What was sealed anew in this pass.
    in_pass: u64,
    /// A whole pass found nothing under the old key.
    pub(super) is_through: bool,
}

impl Rotation {
    pub(super) fn new(from: u32, to: u32, check: Sealed, by: Actor, begun_at: Timestamp, total: u64) -> Self {
        Self { from, to, check, by, begun_at, total, rows: 0, resealed: 0, cursor: None, in_pass: 0, is_through: false }
    }

    pub(super) fn cursor(&self) -> Option<&SealCursor> {
        self.cursor.as_ref()
    }

    /// Takes note of a stretch of a pass. Passes are made until one finds nothing to do.
    pub(super) fn went_on(&mut self, pass: SealPass) {
        self.rows += pass.rows;
        self.resealed += pass.changed;
        self.in_pass += pass.changed;
        self.cursor = pass.next;
        if self.cursor.is_none() {
            self.is_through = self.in_pass == 0;
            self.in_pass = 0;
        }
    }
}

pub(super) fn rotation(reader: &impl Read) -> Result<Option<Rotation>> {
    get(reader, ROTATION)
}

pub(super) fn put_rotation(tx: &mut WriteTx<'_>, rotation: &Rotation) -> Result<()> {
    put(tx, ROTATION, rotation)
}

pub(super) fn remove_rotation(tx: &mut WriteTx<'_>) -> Result<()> {
    tx.remove(SETTINGS, &SortText::new(ROTATION)).map(drop)
}

pub(super) fn sealed(reader: &impl Read, name: &str) -> Result<Option<Sealed>> {
    get(reader, name)
}

fn get<T: DeserializeOwned>(reader: &impl Read, name: &str) -> Result<Option<T>> {
    let Some(Setting(text)) = reader.get(SETTINGS, &SortText::new(name))? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|e| Error::corrupt(SETTINGS.name(), e))
}

pub(super) fn put(tx: &mut WriteTx<'_>, name: &str, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(Error::internal)?;
    tx.put(SETTINGS, &SortText::new(name), &Setting(text)).map(drop)
}
