//! What the data file knows of its key.

use aviary_kernel::base::{Error, Result, Sealed};
use aviary_kernel::store::rows::Setting;
use aviary_kernel::store::tables::SETTINGS;
use aviary_kernel::store::{Read, SortText, WriteTx};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A known text, sealed under the key that the file belongs to.
pub(super) const KEY_CHECK: &str = "key_check";

pub(super) fn key_check(reader: &impl Read) -> Result<Option<Sealed>> {
    get(reader, KEY_CHECK)
}

fn get<T: DeserializeOwned>(reader: &impl Read, name: &str) -> Result<Option<T>> {
    let Some(Setting(text)) = reader.get(SETTINGS, &SortText::new(name))? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|e| Error::corrupt(SETTINGS.name(), e))
}

pub(super) fn put(tx: &mut WriteTx<'_>, name: &str, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(Error::internal)?;
    tx.put(SETTINGS, &SortText::new(name), &Setting(text)).map(drop)
}
