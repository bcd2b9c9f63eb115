//! What changed, in the commit that changed it. Writers append and forget; followers keep a cursor and catch up after a
//! crash.

use std::ops::ControlFlow;

use aviary_kernel::base::{Env, Result};
use aviary_kernel::store::rows::FeedEntry;
use aviary_kernel::store::tables::FEED;
use aviary_kernel::store::{Direction, Key, Read, Span, WriteTx};

pub use aviary_kernel::store::rows::Change;

/// Entries that are kept. Followers are never further behind than a restart.
const KEEP: u64 = 200_000;

/// Notes a change; to be called in the transaction that makes it.
///
/// # Errors
/// When the file cannot be written.
pub fn append(tx: &mut WriteTx<'_>, env: &Env, change: Change) -> Result<u64> {
    let seq = tx.next_number("feed")?;
    tx.put(FEED, &seq, &FeedEntry { at: env.now(), change })?;
    if let Some(old) = seq.checked_sub(KEEP) {
        tx.remove(FEED, &old)?;
    }
    Ok(seq)
}

/// The number of the newest entry; 0 when there is none.
///
/// # Errors
/// When the file cannot be read.
pub fn newest(reader: &impl Read) -> Result<u64> {
    Ok(reader.last_key(FEED, &Span::all())?.unwrap_or(0))
}

/// At most `limit` entries behind number `after`, oldest first.
///
/// # Errors
/// When the file cannot be read.
pub fn since(reader: &impl Read, after: u64, limit: usize) -> Result<Vec<(u64, FeedEntry)>> {
    let mut entries = Vec::new();
    reader.walk(FEED, &Span::all().after(&after.to_bytes(), Direction::Up), Direction::Up, |seq, entry| {
        entries.push((seq, entry));
        Ok(if entries.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(entries)
}
