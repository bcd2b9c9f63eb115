use std::cell::RefCell;
use std::collections::BTreeMap;

use redb::{ReadableTable, WriteTransaction};

use super::read::{Visit, definition, stored_count, walk_table};
use super::{Counter, Direction, Entries, Key, Read, Row, Span, Table, codec, storage_error, tables};
use crate::base::{Error, Result};

type OpenTable<'t> = redb::Table<'t, &'static [u8], &'static [u8]>;

/// Writing. Everything a closure does here is kept or undone as a whole, and on disk before its caller hears of it.
pub struct WriteTx<'t> {
    tx: &'t WriteTransaction,
    // Opening a table costs more than writing a row, so each is opened once a transaction.
    open: RefCell<BTreeMap<&'static str, OpenTable<'t>>>,
    undo: Vec<Undo>,
    counts: BTreeMap<Counter, i64>,
    writes: u64,
    // Tables that were written to.
    touched: Vec<&'static str>,
    // After a disk fault redb can neither read nor commit.
    disk_fault: RefCell<Option<String>>,
}

struct Undo {
    table: &'static str,
    key: Vec<u8>,
    before: Option<Vec<u8>>,
}

impl<'t> WriteTx<'t> {
    pub(super) fn new(tx: &'t WriteTransaction) -> Self {
        Self {
            tx,
            open: RefCell::default(),
            undo: Vec::new(),
            counts: BTreeMap::new(),
            writes: 0,
            touched: Vec::new(),
            disk_fault: RefCell::default(),
        }
    }

    /// How many keys were written or removed so far, in all closures of this commit.
    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    /// The tables that were written to, in all closures of this commit.
    pub(super) fn touched(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.touched)
    }

    /// The disk fault that this transaction met, even if a closure kept it to itself.
    pub(super) fn disk_fault(&self) -> Result<()> {
        self.disk_fault.borrow().clone().map_or(Ok(()), |why| Err(Error::ReadOnly(why)))
    }

    fn note<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(Error::ReadOnly(why)) = &result {
            self.disk_fault.borrow_mut().get_or_insert_with(|| why.clone());
        }
        result
    }

    /// Stores a row, its index keys and its counters. The row before it, if there was one.
    ///
    /// # Errors
    /// When the row cannot be encoded, the row before it cannot be read, or the file cannot be written.
    pub fn put<K: Key, V: Row<K>>(&mut self, table: Table<K, V>, key: &K, row: &V) -> Result<Option<V>> {
        let mark = self.undo.len();
        let result = self.try_put(table, key, row);
        self.all_or_nothing(mark, result)
    }

    fn try_put<K: Key, V: Row<K>>(&mut self, table: Table<K, V>, key: &K, row: &V) -> Result<Option<V>> {
        let before = self.put_bytes(table.name, &key.to_bytes(), &codec::encode(row)?)?;
        let before = before.map(|bytes| codec::decode::<V>(table.name, &bytes)).transpose()?;
        let old = before.as_ref().map(|row| Entries::of(key, row)).unwrap_or_default();
        self.follow(old, Entries::of(key, row))?;
        Ok(before)
    }

    /// Stores a row that is there already with all of its index keys and counters, of which none were written before; for
    /// migrations that give a table its first ones.
    pub(super) fn insert_anew<K: Key, V: Row<K>>(&mut self, table: Table<K, V>, key: &K, row: &V) -> Result<()> {
        self.put_bytes(table.name, &key.to_bytes(), &codec::encode(row)?)?;
        self.follow(Entries::default(), Entries::of(key, row))
    }

    /// Removes a row, its index keys and its counters. The row, if there was one.
    ///
    /// # Errors
    /// As [`WriteTx::put`].
    pub fn remove<K: Key, V: Row<K>>(&mut self, table: Table<K, V>, key: &K) -> Result<Option<V>> {
        let mark = self.undo.len();
        let result = self.try_remove(table, key);
        self.all_or_nothing(mark, result)
    }

    fn try_remove<K: Key, V: Row<K>>(&mut self, table: Table<K, V>, key: &K) -> Result<Option<V>> {
        let Some(bytes) = self.remove_bytes(table.name, &key.to_bytes())? else { return Ok(None) };
        let row = codec::decode::<V>(table.name, &bytes)?;
        self.follow(Entries::of(key, &row), Entries::default())?;
        Ok(Some(row))
    }

    /// A closure may go on after a row that could not be written, so nothing of that row may stay.
    fn all_or_nothing<T>(&mut self, mark: usize, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.undo_to(mark)?;
        }
        result
    }

    /// The next number of a series that never repeats, even when rows are removed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn next_number(&mut self, series: &'static str) -> Result<u64> {
        let last = self.last_number(series)?;
        self.put_bytes(tables::SERIES, series.as_bytes(), &(last + 1).to_bytes())?;
        Ok(last + 1)
    }

    fn follow(&mut self, mut old: Entries, mut new: Entries) -> Result<()> {
        old.keys.sort_unstable();
        new.keys.sort_unstable();
        for (table, key) in old.keys.iter().filter(|entry| new.keys.binary_search(entry).is_err()) {
            self.remove_bytes(table, key)?;
        }
        for (table, key) in new.keys.iter().filter(|entry| old.keys.binary_search(entry).is_err()) {
            self.put_bytes(table, key, &[])?;
        }
        for counter in new.counters {
            *self.counts.entry(counter).or_default() += 1;
        }
        for counter in old.counters {
            *self.counts.entry(counter).or_default() -= 1;
        }
        Ok(())
    }

    pub(super) fn put_bytes(&mut self, table: &'static str, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>> {
        let before = self.with_table(table, |t| {
            let before = t.insert(key, value)?;
            Ok(before.map(|v| v.value().to_vec()))
        })?;
        self.wrote(table, key, before.clone());
        Ok(before)
    }

    pub(super) fn remove_bytes(&mut self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let before = self.with_table(table, |t| {
            let before = t.remove(key)?;
            Ok(before.map(|v| v.value().to_vec()))
        })?;
        if before.is_some() {
            self.wrote(table, key, before.clone());
        }
        Ok(before)
    }

    fn wrote(&mut self, table: &'static str, key: &[u8], before: Option<Vec<u8>>) {
        self.writes += 1;
        if !self.touched.contains(&table) {
            self.touched.push(table);
        }
        self.undo.push(Undo { table, key: key.to_vec(), before });
    }

    fn with_table<T>(
        &self,
        name: &'static str,
        act: impl FnOnce(&mut OpenTable<'t>) -> Result<T, redb::StorageError>,
    ) -> Result<T> {
        let mut open = self.open.borrow_mut();
        if !open.contains_key(name) {
            let table = self.note(self.tx.open_table(definition(name)).map_err(|e| storage_error(name, e)))?;
            open.insert(name, table);
        }
        let table = open.get_mut(name).ok_or_else(|| Error::internal("a table that was just opened is not there"))?;
        self.note(act(table).map_err(|e| storage_error(name, e)))
    }

    /// Keeps what was done since the last call: writes the counters.
    pub(super) fn keep(&mut self) -> Result<()> {
        for (counter, change) in std::mem::take(&mut self.counts) {
            if change != 0 {
                let now = stored_count(self, counter)?.saturating_add_signed(change);
                match now {
                    0 => self.remove_bytes(tables::COUNTERS, &counter.to_bytes())?,
                    n => self.put_bytes(tables::COUNTERS, &counter.to_bytes(), &n.to_bytes())?,
                };
            }
        }
        self.undo.clear();
        Ok(())
    }

    /// Undoes what was done since the last call of [`WriteTx::keep`].
    pub(super) fn undo(&mut self) -> Result<()> {
        self.counts.clear();
        self.undo_to(0)
    }

    fn undo_to(&mut self, mark: usize) -> Result<()> {
        for step in self.undo.split_off(mark).into_iter().rev() {
            self.with_table(step.table, |t| {
                match &step.before {
                    Some(value) => t.insert(step.key.as_slice(), value.as_slice())?,
                    None => t.remove(step.key.as_slice())?,
                };
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl Read for WriteTx<'_> {
    fn get_bytes(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.with_table(table, |t| Ok(t.get(key)?.map(|v| v.value().to_vec())))
    }

    /// `visit` may read other tables of this transaction, but not the one that is walked.
    fn walk_bytes(&self, table: &'static str, span: &Span, direction: Direction, visit: &mut Visit<'_>) -> Result<()> {
        self.with_table(table, |_| Ok(()))?;
        let Some(walked) = self.open.borrow_mut().remove(table) else { return Ok(()) };
        let result = walk_table(&walked, table, span, direction, visit);
        self.open.borrow_mut().insert(table, walked);
        self.note(result)
    }

    fn count(&self, counter: Counter) -> Result<u64> {
        let waiting = self.counts.get(&counter).copied().unwrap_or(0);
        Ok(stored_count(self, counter)?.saturating_add_signed(waiting))
    }
}
