use super::codec::{self, Record};
use super::{Index, Key};
use crate::base::{Error, Result};
use crate::model::PanelId;

/// A row of a table: a record, and what follows from it. Index keys and counters are derived here and nowhere else, and
/// written with the row, so that they cannot part.
pub trait Row<K>: Record {
    /// Names every index key and counter that this row stands for.
    fn entries(&self, key: &K, out: &mut Entries) {
        let _ = (key, out);
    }
}

/// A number that is kept instead of counted: how many rows name it in [`Row::entries`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// What is counted. Numbers are on disk; see `tables.rs`.
    pub what: u8,
    /// Of which panel.
    pub panel: PanelId,
    /// Of what in it, such as a node's number.
    pub of: u64,
}

impl Key for Counter {
    fn encode(&self, out: &mut Vec<u8>) {
        (self.what, self.panel, self.of).encode(out);
    }

    fn decode(input: &mut &[u8]) -> Option<Self> {
        let (what, panel, of) = Key::decode(input)?;
        Some(Self { what, panel, of })
    }
}

/// The index keys and counters of one row.
#[derive(Default)]
pub struct Entries {
    /// Table and key.
    pub keys: Vec<(&'static str, Vec<u8>)>,
    /// Counters that the row adds one to.
    pub counters: Vec<Counter>,
}

impl Entries {
    /// The row stands in `index` under `key`.
    pub fn index<K: Key>(&mut self, index: Index<K>, key: &K) {
        self.keys.push((index.name, key.to_bytes()));
    }

    /// The row adds one to `counter`.
    pub fn count(&mut self, counter: Counter) {
        self.counters.push(counter);
    }

    /// The entries of a row.
    pub(super) fn of<K: Key, V: Row<K>>(key: &K, row: &V) -> Self {
        let mut entries = Self::default();
        row.entries(key, &mut entries);
        entries
    }
}

/// Reads a row from its bytes and adds its entries; what the catalogue offers to `check`.
pub(super) fn entries_of<K: Key, V: Row<K>>(key: &[u8], value: &[u8], out: &mut Entries) -> Result<()> {
    let key = K::from_bytes(key).ok_or_else(|| Error::corrupt("?", "the key cannot be read"))?;
    codec::decode::<V>("?", value)?.entries(&key, out);
    Ok(())
}
