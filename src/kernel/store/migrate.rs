//! Steps that a single record cannot do for itself while it is read: a new index, a split table. Each runs once, in one
//! commit with the mark that it ran, so a crash in the middle only means that it runs again.

use super::{Read, Span, WriteTx, tables};
use crate::base::Result;

/// A step from one layout of the data file to the next.
pub struct Migration {
    /// What it does, for the log.
    pub name: &'static str,
    /// Does it.
    pub run: fn(&mut WriteTx<'_>) -> Result<()>,
}

/// All steps, oldest first. The layout of a file is the number of steps it has behind it; append only.
pub const MIGRATIONS: &[Migration] = &[Migration { name: "mails by state", run: index_mails }];

/// Mails have states since version 2 of their record, and an index by them.
fn index_mails(tx: &mut WriteTx<'_>) -> Result<()> {
    for (number, mail) in tx.all(tables::MAILS, &Span::all())? {
        tx.insert_anew(tables::MAILS, &number, &mail)?;
    }
    Ok(())
}

pub(super) fn layout(reader: &impl Read) -> Result<Option<u32>> {
    let bytes = reader.get_bytes(tables::META, tables::META_LAYOUT)?;
    Ok(bytes.and_then(|b| super::Key::from_bytes(&b)))
}

pub(super) fn set_layout(tx: &mut WriteTx<'_>, layout: u32) -> Result<()> {
    tx.put_bytes(tables::META, tables::META_LAYOUT, &layout.to_be_bytes()).map(drop)
}
