//! The one data file. Only this room knows redb, and only [`codec`] knows bincode.
//!
//! * One writer thread; what waits is committed together ([`writer`]).
//! * Reads are snapshots ([`ReadTx`]); they never wait for the writer.
//! * All tables stand in one catalogue ([`tables`]); rows, indexes and counters move together ([`Row`]).
//! * Where rows hold sealed values stands in one place too ([`Seals`]), so that all of them follow a new master key.
//! * A full or failing disk turns the store read-only until it can write again.

mod backing;
pub mod codec;
mod copy;
mod entries;
pub mod faulty;
mod hold;
mod key;
mod migrate;
mod open;
mod read;
mod room;
pub mod rows;
mod seals;
mod span;
mod table;
pub mod tables;
mod verify;
mod write;
mod writer;

pub use backing::Backing;
pub use codec::{DecodeError, Record};
pub use copy::{Copied, WatchCopy, verify_copy};
pub use entries::{Counter, Entries, Row};
pub use hold::Hold;
pub use key::{Key, SortText};
pub use migrate::{MIGRATIONS, Migration};
pub use open::{Options, Store, Vet, has_sound_pages};
pub use read::{Read, ReadTx, Visit};
pub use seals::{SealCursor, SealPass, Seals, VisitRow, VisitSeal, each_seal};
pub use span::{Direction, Span};
pub use table::{CheckRow, Index, Table, TableInfo};
pub use verify::{Problem, Report, verify};
pub use write::WriteTx;
pub use writer::WriterStats;

use crate::base::Error;

#[cfg(test)]
mod tests;

/// Turns what redb says into what a caller can act on.
pub(crate) fn storage_error(table: &'static str, error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Io(io) => Error::ReadOnly(format!(
            "the data file cannot be read or written ({io}); free some space or check the disk"
        )),
        redb::Error::DatabaseClosed => {
            Error::ReadOnly("the data file is just being opened anew after a disk fault; try again".into())
        }
        redb::Error::PreviousIo => Error::ReadOnly("the disk failed a moment ago; check it".into()),
        redb::Error::Corrupted(what) => Error::corrupt(table, what),
        other => Error::internal(other),
    }
}
