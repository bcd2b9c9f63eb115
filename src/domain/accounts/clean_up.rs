//! What nobody needs any more goes by itself.

use std::ops::ControlFlow;
use std::time::Duration;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::store::tables::ONE_TIME_TOKENS;
use aviary_kernel::store::{Direction, Read, Span, WriteTx};

use super::Accounts;

const DAY: Duration = Duration::from_secs(86_400);
/// Rows that go in one transaction.
const BATCH: usize = 1000;

impl Accounts {
    /// Removes links a day after they expired; until then they are told apart from links that never were. How many.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn clean_up(&self, now: Timestamp) -> Result<usize> {
        let mut dropped = 0;
        loop {
            let batch = self.store.write(move |tx| drop_links(tx, now)).await?;
            dropped += batch;
            if batch < BATCH {
                return Ok(dropped);
            }
        }
    }
}

fn drop_links(tx: &mut WriteTx<'_>, now: Timestamp) -> Result<usize> {
    let mut expired = Vec::new();
    tx.walk(ONE_TIME_TOKENS, &Span::all(), Direction::Up, |hash, link| {
        if link.expires_at.plus(DAY) <= now {
            expired.push(hash);
        }
        Ok(if expired.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    for hash in &expired {
        tx.remove(ONE_TIME_TOKENS, hash)?;
    }
    Ok(expired.len())
}
