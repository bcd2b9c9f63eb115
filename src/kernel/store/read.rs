use std::ops::ControlFlow;

use redb::{ReadTransaction, ReadableTable, TableDefinition, TableError};

use super::{Counter, Direction, Index, Key, Row, Span, Table, codec, storage_error, tables};
use crate::base::{Error, Result};

/// How redb sees every table of ours.
pub(super) fn definition(name: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(name)
}

/// What a walk hands out: the bytes of key and value.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>> + 'a;

/// Reading, from a snapshot or inside a write.
pub trait Read {
    /// The value bytes under key bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn get_bytes(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Walks a stretch of a table until `visit` breaks off.
    ///
    /// # Errors
    /// When the file cannot be read, or what `visit` returns.
    fn walk_bytes(&self, table: &'static str, span: &Span, direction: Direction, visit: &mut Visit<'_>) -> Result<()>;

    /// The row under `key`.
    ///
    /// # Errors
    /// [`Error::Corrupt`], or when the file cannot be read.
    fn get<K: Key, V: Row<K>>(&self, table: Table<K, V>, key: &K) -> Result<Option<V>> {
        self.get_bytes(table.name, &key.to_bytes())?.map(|bytes| codec::decode(table.name, &bytes)).transpose()
    }

    /// Walks the rows of a stretch until `visit` breaks off.
    ///
    /// # Errors
    /// As [`Read::get`], or what `visit` returns.
    fn walk<K: Key, V: Row<K>>(
        &self,
        table: Table<K, V>,
        span: &Span,
        direction: Direction,
        mut visit: impl FnMut(K, V) -> Result<ControlFlow<()>>,
    ) -> Result<()>
    where
        Self: Sized,
    {
        self.walk_bytes(table.name, span, direction, &mut |key, value| {
            visit(key_of(table.name, key)?, codec::decode(table.name, value)?)
        })
    }

    /// Walks the keys of an index until `visit` breaks off.
    ///
    /// # Errors
    /// As [`Read::get`], or what `visit` returns.
    fn walk_index<K: Key>(
        &self,
        index: Index<K>,
        span: &Span,
        direction: Direction,
        mut visit: impl FnMut(K) -> Result<ControlFlow<()>>,
    ) -> Result<()>
    where
        Self: Sized,
    {
        self.walk_bytes(index.name, span, direction, &mut |key, _| visit(key_of(index.name, key)?))
    }

    /// All rows of a stretch; for stretches that are known to be short.
    ///
    /// # Errors
    /// As [`Read::get`].
    fn all<K: Key, V: Row<K>>(&self, table: Table<K, V>, span: &Span) -> Result<Vec<(K, V)>>
    where
        Self: Sized,
    {
        let mut rows = Vec::new();
        self.walk(table, span, Direction::Up, |key, row| {
            rows.push((key, row));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// All keys of a stretch of an index; for stretches that are known to be short.
    ///
    /// # Errors
    /// As [`Read::get`].
    fn all_keys<K: Key>(&self, index: Index<K>, span: &Span) -> Result<Vec<K>>
    where
        Self: Sized,
    {
        let mut keys = Vec::new();
        self.walk_index(index, span, Direction::Up, |key| {
            keys.push(key);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(keys)
    }

    /// The key at the far end of a stretch of a table.
    ///
    /// # Errors
    /// As [`Read::get`].
    fn last_key<K: Key, V: Row<K>>(&self, table: Table<K, V>, span: &Span) -> Result<Option<K>> {
        let mut last = None;
        self.walk_bytes(table.name, span, Direction::Down, &mut |key, _| {
            last = Some(key_of(table.name, key)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(last)
    }

    /// The number that a series gave out last; 0 when it gave out none. See [`super::WriteTx::next_number`].
    ///
    /// # Errors
    /// As [`Read::get`].
    fn last_number(&self, series: &'static str) -> Result<u64> {
        Ok(self.get_bytes(tables::SERIES, series.as_bytes())?.and_then(|b| u64::from_bytes(&b)).unwrap_or(0))
    }

    /// What `counter` stands at.
    ///
    /// # Errors
    /// As [`Read::get`].
    fn count(&self, counter: Counter) -> Result<u64> {
        stored_count(self, counter)
    }
}

pub(super) fn stored_count(reader: &(impl Read + ?Sized), counter: Counter) -> Result<u64> {
    Ok(reader.get_bytes(tables::COUNTERS, &counter.to_bytes())?.and_then(|b| u64::from_bytes(&b)).unwrap_or(0))
}

pub(super) fn key_of<K: Key>(table: &'static str, bytes: &[u8]) -> Result<K> {
    K::from_bytes(bytes).ok_or_else(|| Error::corrupt(table, "a key cannot be read"))
}

/// A snapshot: what was committed when it began, unmoved by later writes. Let it go soon, since it holds back the reuse of
/// space.
pub struct ReadTx(pub(super) ReadTransaction);

impl Read for ReadTx {
    fn get_bytes(&self, table: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(open) = self.open(table)? else { return Ok(None) };
        let value = open.get(key).map_err(|e| storage_error(table, e))?;
        Ok(value.map(|v| v.value().to_vec()))
    }

    fn walk_bytes(&self, table: &'static str, span: &Span, direction: Direction, visit: &mut Visit<'_>) -> Result<()> {
        match self.open(table)? {
            Some(open) => walk_table(&open, table, span, direction, visit),
            None => Ok(()),
        }
    }
}

impl ReadTx {
    pub(super) fn open(
        &self,
        table: &'static str,
    ) -> Result<Option<redb::ReadOnlyTable<&'static [u8], &'static [u8]>>> {
        match self.0.open_table(definition(table)) {
            Ok(open) => Ok(Some(open)),
            // A table comes into being with its first row.
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(e) => Err(storage_error(table, e)),
        }
    }
}

pub(super) fn walk_table(
    open: &impl ReadableTable<&'static [u8], &'static [u8]>,
    table: &'static str,
    span: &Span,
    direction: Direction,
    visit: &mut Visit<'_>,
) -> Result<()> {
    if span.is_empty() {
        return Ok(());
    }
    let bounds = (span.start.as_ref().map(Vec::as_slice), span.end.as_ref().map(Vec::as_slice));
    let mut range = open.range::<&[u8]>(bounds).map_err(|e| storage_error(table, e))?;
    loop {
        let next = if direction == Direction::Up { range.next() } else { range.next_back() };
        let Some(entry) = next else { return Ok(()) };
        let (key, value) = entry.map_err(|e| storage_error(table, e))?;
        if visit(key.value(), value.value())?.is_break() {
            return Ok(());
        }
    }
}
