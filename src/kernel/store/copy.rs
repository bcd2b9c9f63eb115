//! A copy of everything that a snapshot holds, in a data file of its own: what backups are made of.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::{
    Database, Durability, MultimapTableHandle, ReadOnlyTable, ReadableDatabase, ReadableTableMetadata, TableHandle,
};

use super::backing::{Access, AnyBackend};
use super::open::{builder, open_error, peek};
use super::read::{definition, walk_table};
use super::{Backing, Direction, Options, ReadTx, Span, has_sound_pages, storage_error, tables};
use crate::base::{Error, Result};

/// Memory for pages of the copy.
const CACHE_BYTES: usize = 8 * 1024 * 1024;
/// A commit of the copy takes so many bytes of rows: what it wrote is then still in memory when it is summed up.
const COMMIT_BYTES: usize = 2 * 1024 * 1024;
/// Whoever watches is told after so many rows at the latest.
const TELL_ROWS: u64 = 10_000;

/// How many rows each table has that was copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied(BTreeMap<String, u64>);

impl Copied {
    /// Rows of all tables, index keys among them.
    pub fn rows(&self) -> u64 {
        self.0.values().sum()
    }
}

/// Is told how many rows of how many were copied; what it returns as an error ends the copy.
pub type WatchCopy<'a> = dyn FnMut(u64, u64) -> Result<()> + 'a;

impl ReadTx {
    /// Copies every table, also those that this release does not know, to a new data file, which is on disk when this
    /// returns. Page by page: memory does not grow with the size of the file. Blocks for as long as that takes, and keeps the
    /// space of what is replaced meanwhile from being used again.
    ///
    /// # Errors
    /// [`Error::Unusable`] when the copy cannot be written, [`Error::ReadOnly`] when this file cannot be read, and what
    /// `watch` returns.
    pub fn copy_to(&self, target: &Backing, watch: &mut WatchCopy<'_>) -> Result<Copied> {
        // redb panics on some kinds of damage.
        catch_unwind(AssertUnwindSafe(|| self.copy_all(target, watch)))
            .unwrap_or_else(|_| Err(Error::corrupt("all", "the file does not hold together")))
    }

    fn copy_all(&self, target: &Backing, watch: &mut WatchCopy<'_>) -> Result<Copied> {
        let names = self.names()?;
        let mut copy = Copy { target, watch, done: 0, of: 0 };
        let mut sources = Vec::new();
        for name in names {
            let open = self.0.open_table(definition(&name)).map_err(|e| storage_error(known(&name), e))?;
            let rows = open.len().map_err(|e| storage_error(known(&name), e))?;
            copy.of += rows;
            sources.push((name, open, rows));
        }
        let options = Options { cache_bytes: CACHE_BYTES, ..Options::on(target.clone()) };
        let backend = target.open(Access::Create).map_err(|e| open_error(&options, e.into()))?;
        let made = builder(&options, None).create_with_backend(AnyBackend(backend));
        let db = made.map_err(|e| open_error(&options, e))?;
        let mut copied = Copied::default();
        for (name, open, rows) in sources {
            copy.table(&db, &name, &open)?;
            copied.0.insert(name, rows);
        }
        copy.seal(&db)?;
        Ok(copied)
    }

    /// Every table of ours in the file.
    fn names(&self) -> Result<Vec<String>> {
        let fail = |e| storage_error("all", e);
        let multi = self.0.list_multimap_tables().map_err(fail)?.next();
        if let Some(table) = multi {
            return Err(Error::Unusable(format!(
                "the table {} is none of Aviary's, and cannot be copied: run `aviary check`",
                table.name()
            )));
        }
        Ok(self.0.list_tables().map_err(fail)?.map(|table| table.name().to_owned()).collect())
    }
}

/// The name as the catalogue has it, for errors.
fn known(name: &str) -> &'static str {
    tables::ALL.iter().map(|table| table.name).find(|known| *known == name).unwrap_or("all")
}

struct Copy<'a, 'w> {
    target: &'a Backing,
    watch: &'a mut WatchCopy<'w>,
    done: u64,
    of: u64,
}

type Open = ReadOnlyTable<&'static [u8], &'static [u8]>;

impl Copy<'_, '_> {
    fn table(&mut self, db: &Database, name: &str, from: &Open) -> Result<()> {
        let mut span = Some(Span::all());
        while let Some(rest) = span {
            (self.watch)(self.done, self.of)?;
            let last = self.page(db, name, from, &rest)?;
            span = last.map(|key| rest.after(&key, Direction::Up));
        }
        Ok(())
    }

    /// One commit. The last key that it took when there may be more.
    fn page(&mut self, db: &Database, name: &str, from: &Open, span: &Span) -> Result<Option<Vec<u8>>> {
        let mut tx = db.begin_write().map_err(|e| write_error(self.target, e))?;
        // Durable all at once at the end: half a copy is of no use to anybody.
        tx.set_durability(Durability::None).map_err(Error::internal)?;
        let mut table = tx.open_table(definition(name)).map_err(|e| write_error(self.target, e))?;
        let (mut bytes, mut rows, mut last) = (0, 0, None);
        walk_table(from, known(name), span, Direction::Up, &mut |key, value| {
            table.insert(key, value).map_err(|e| write_error(self.target, e))?;
            bytes += key.len() + value.len();
            rows += 1;
            if bytes < COMMIT_BYTES && rows < TELL_ROWS {
                return Ok(ControlFlow::Continue(()));
            }
            last = Some(key.to_vec());
            Ok(ControlFlow::Break(()))
        })?;
        drop(table);
        self.done += rows;
        tx.commit().map_err(|e| write_error(self.target, e))?;
        Ok(last)
    }

    /// Makes durable what was copied.
    fn seal(&mut self, db: &Database) -> Result<()> {
        (self.watch)(self.done, self.of)?;
        let tx = db.begin_write().map_err(|e| write_error(self.target, e))?;
        tx.commit().map_err(|e| write_error(self.target, e))
    }
}

/// What the target says is no trouble of the store, and must not be taken for one.
fn write_error(target: &Backing, error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Io(io) if matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            Error::Unusable(format!("{target} cannot be written, the disk is full: free some space"))
        }
        redb::Error::Io(io) => Error::Unusable(format!("{target} cannot be written: {io}")),
        redb::Error::PreviousIo => Error::Unusable(format!("{target} cannot be written: the disk failed")),
        other => Error::internal(other),
    }
}

/// Whether a copy that nobody has open is what was copied: every page by its checksum, every table by its rows, and what
/// [`Options::vet`] asks. Changes nothing.
///
/// # Errors
/// [`Error::Unusable`] when it is not, or cannot be read.
pub fn verify_copy(options: &Options, copied: &Copied) -> Result<()> {
    let broken = |what: &str| Error::Unusable(format!("{} is not what was written there: {what}", options.backing));
    if !has_sound_pages(options)? {
        return Err(broken("pages are damaged; check the disk"));
    }
    let db = peek(options, true).map_err(|e| open_error(options, e))?;
    let tx = ReadTx(db.begin_read().map_err(|e| storage_error("all", e))?);
    let mut found = Copied::default();
    for name in tx.names()? {
        let open = tx.0.open_table(definition(&name)).map_err(|e| storage_error(known(&name), e))?;
        let rows = open.len().map_err(|e| storage_error(known(&name), e))?;
        found.0.insert(name, rows);
    }
    if found == *copied { Ok(()) } else { Err(broken("rows are missing")) }
}
