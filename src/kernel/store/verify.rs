//! Whether rows, indexes and counters still agree; what `aviary check` does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::{MultimapTableHandle, ReadOnlyTable, ReadableTableMetadata, TableHandle};
use serde::Serialize;

use super::read::{definition, walk_table};
use super::{CheckRow, Counter, Direction, Entries, Key, ReadTx, Span, storage_error, tables};
use crate::base::{Error, Result};

/// No more problems than this are kept; the rest are only counted.
const MOST_PROBLEMS: usize = 1000;

/// What [`verify`] found.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Rows that were read, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Index keys that were looked up, by index.
    pub index_keys: BTreeMap<&'static str, u64>,
    /// Counters that were counted again.
    pub counters: u64,
    /// What is wrong, at most 1000 of them.
    pub problems: Vec<Problem>,
    /// How many problems there are in all.
    pub problem_count: u64,
    /// Bytes of the file that are in use; none when something is wrong with it.
    pub used_bytes: Option<u64>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problem_count == 0
    }

    fn problem(&mut self, table: &str, key: Option<&[u8]>, what: impl Into<String>) {
        self.problem_count += 1;
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { table: table.to_owned(), key: key.map(hex), what: what.into() });
        }
    }
}

/// Something that is wrong in the data file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The table.
    pub table: String,
    /// The key, in hex; none when it is about the whole table.
    pub key: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{} {key}: {}", self.table, self.what),
            None => write!(f, "{}: {}", self.table, self.what),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

type Open = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// Reads every row of every table, looks each index key up that follows from it, and counts the counters again. Needs
/// memory for the counters only, however many rows there are.
///
/// # Errors
/// [`Error::ReadOnly`] when the disk cannot be read. What can be read but is wrong stands in the report.
pub fn verify(tx: &ReadTx) -> Result<Report> {
    let mut check = Check { tx, report: Report::default(), indexes: BTreeMap::new(), counters: BTreeMap::new() };
    // redb panics on some kinds of damage; that is a finding as well.
    match catch_unwind(AssertUnwindSafe(|| check.everything())) {
        Ok(done) => done?,
        Err(_) => check.report.problem("all", None, "the file does not hold together; restore a backup"),
    }
    Ok(check.report)
}

struct Check<'a> {
    tx: &'a ReadTx,
    report: Report,
    indexes: BTreeMap<&'static str, Index>,
    counters: BTreeMap<Counter, u64>,
}

struct Index {
    open: Option<Open>,
    expected: u64,
    present: u64,
}

impl Check<'_> {
    fn everything(&mut self) -> Result<()> {
        self.names()?;
        for table in tables::ALL.iter().filter(|table| table.entries.is_none()) {
            let open = self.open(table.name)?;
            self.indexes.insert(table.name, Index { open, expected: 0, present: 0 });
        }
        for table in tables::ALL {
            if let Some(entries) = table.entries {
                self.rows(table.name, entries)?;
            }
        }
        self.index_sizes()?;
        self.counters()?;
        self.series()?;
        if self.report.is_clean() {
            self.report.used_bytes = Some(self.tx.used_bytes()?);
        }
        Ok(())
    }

    fn names(&mut self) -> Result<()> {
        let mut known: BTreeSet<&str> = tables::ALL.iter().map(|t| t.name).collect();
        known.extend([tables::META, tables::SERIES, tables::COUNTERS]);
        known.extend(tables::RETIRED);
        let fail = |e| storage_error("all", e);
        let plain: Vec<_> = self.tx.0.list_tables().map_err(fail)?.map(|t| t.name().to_owned()).collect();
        let multi: Vec<_> = self.tx.0.list_multimap_tables().map_err(fail)?.map(|t| t.name().to_owned()).collect();
        for name in plain.iter().filter(|name| !known.contains(name.as_str())).chain(&multi) {
            self.report.problem(name, None, "this release does not know the table");
        }
        Ok(())
    }

    /// None when there is no such table yet, or none that can be opened.
    fn open(&mut self, name: &'static str) -> Result<Option<Open>> {
        match self.tx.0.open_table(definition(name)) {
            Ok(open) => Ok(Some(open)),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => self.survive(name, Err(storage_error(name, error))).map(|_: Option<()>| None),
        }
    }

    /// A table that breaks off is a problem of that table; a disk that cannot be read ends everything.
    fn survive<T>(&mut self, table: &str, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error @ Error::ReadOnly(_)) => Err(error),
            Err(error) => {
                self.report.problem(table, None, error.to_string());
                Ok(None)
            }
        }
    }

    fn walk(&mut self, name: &'static str, mut visit: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<()>) -> Result<()> {
        let Some(open) = self.open(name)? else { return Ok(()) };
        let walked = walk_table(&open, name, &Span::all(), Direction::Up, &mut |key, value| {
            visit(self, key, value)?;
            Ok(ControlFlow::Continue(()))
        });
        self.survive(name, walked).map(drop)
    }

    fn rows(&mut self, name: &'static str, entries: CheckRow) -> Result<()> {
        self.report.rows.insert(name, 0);
        self.walk(name, |check, key, value| {
            *check.report.rows.entry(name).or_default() += 1;
            let mut follows = Entries::default();
            match entries(key, value, &mut follows) {
                Ok(()) => check.follows(name, key, follows),
                Err(error) => {
                    let why =
                        if let Error::Corrupt { source, .. } = error { source.to_string() } else { error.to_string() };
                    check.report.problem(name, Some(key), format!("cannot be read: {why}"));
                    Ok(())
                }
            }
        })
    }

    fn follows(&mut self, name: &'static str, key: &[u8], mut follows: Entries) -> Result<()> {
        follows.keys.sort_unstable();
        follows.keys.dedup();
        for (index, entry) in follows.keys {
            let Some(info) = self.indexes.get_mut(index) else {
                self.report.problem(index, Some(&entry), "the index is not in the catalogue");
                continue;
            };
            info.expected += 1;
            let found = match &info.open {
                Some(open) => open.get(entry.as_slice()).map(|found| found.is_some()),
                None => Ok(false),
            };
            info.present += u64::from(matches!(found, Ok(true)));
            if self.survive(index, found.map_err(|e| storage_error(index, e)))? == Some(false) {
                self.report.problem(index, Some(&entry), format!("is missing; {name} {} needs it", hex(key)));
            }
        }
        for counter in follows.counters {
            *self.counters.entry(counter).or_default() += 1;
        }
        Ok(())
    }

    fn index_sizes(&mut self) -> Result<()> {
        for (name, index) in std::mem::take(&mut self.indexes) {
            self.report.index_keys.insert(name, index.expected);
            let Some(open) = index.open else { continue };
            let found = open.len().map_err(|e| storage_error(name, e));
            if let Some(stray) = self.survive(name, found)?.and_then(|found| found.checked_sub(index.present))
                && stray > 0
            {
                self.report.problem(name, None, format!("{stray} keys belong to no row"));
            }
        }
        Ok(())
    }

    fn counters(&mut self) -> Result<()> {
        self.report.counters = self.counters.len() as u64;
        self.walk(tables::COUNTERS, |check, key, value| {
            let counter = Counter::from_bytes(key);
            let stands = u64::from_bytes(value);
            let is = counter.and_then(|counter| check.counters.remove(&counter)).unwrap_or(0);
            if counter.is_none() || stands.is_none() {
                check.report.problem(tables::COUNTERS, Some(key), "is no counter");
            } else if stands != Some(is) {
                let what = format!("stands at {}, the rows give {is}", stands.unwrap_or(0));
                check.report.problem(tables::COUNTERS, Some(key), what);
            }
            Ok(())
        })?;
        for (counter, is) in std::mem::take(&mut self.counters) {
            let what = format!("is missing, the rows give {is}");
            self.report.problem(tables::COUNTERS, Some(&counter.to_bytes()), what);
        }
        Ok(())
    }

    fn series(&mut self) -> Result<()> {
        self.walk(tables::SERIES, |check, key, value| {
            if u64::from_bytes(value).is_none() {
                check.report.problem(tables::SERIES, Some(key), "is no number");
            }
            Ok(())
        })
    }
}
