//! What nobody needs any more goes by itself.

use std::ops::ControlFlow;
use std::time::Duration;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::MailContent;
use aviary_kernel::store::tables::{MAILS, ONE_TIME_TOKENS};
use aviary_kernel::store::{Direction, Key, Read, Row, Span, Table, WriteTx};

use super::Accounts;
use super::outbox::{lifetime, purpose_of};

const DAY: Duration = Duration::from_secs(86_400);
/// A mail without a link is of use for so long.
const NEWS: Duration = Duration::from_secs(7 * 86_400);
/// More mails than this do not wait; the oldest go first.
const MOST_MAILS: u64 = 10_000;
/// Rows that go in one transaction.
const BATCH: usize = 1000;

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Links that expired.
    pub links: usize,
    /// Mails whose link expired, or that nobody sent.
    pub mails: usize,
}

impl Accounts {
    /// Removes links a day after they expired, and mails that are of no use any more.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn clean_up(&self, now: Timestamp) -> Result<Cleaned> {
        Ok(Cleaned {
            // Until then they are told apart from links that never were.
            links: self.drop_where(ONE_TIME_TOKENS, move |_, link| link.expires_at.plus(DAY) <= now).await?,
            mails: self.drop_mails(now).await?,
        })
    }

    async fn drop_mails(&self, now: Timestamp) -> Result<usize> {
        let newest = self.store.read(|tx| tx.last_key(MAILS, &Span::all())).await?.unwrap_or(0);
        self.drop_where(MAILS, move |number, mail| {
            mail.written_at.plus(use_of(&mail.says)) <= now || number + MOST_MAILS <= newest
        })
        .await
    }

    async fn drop_where<K: Key + Sync, V: Row<K> + 'static>(
        &self,
        table: Table<K, V>,
        is_done: impl Fn(&K, &V) -> bool + Clone + Send + 'static,
    ) -> Result<usize> {
        let mut dropped = 0;
        loop {
            let found = is_done.clone();
            let keys = self.store.read(move |tx| some_keys(tx, table, found)).await?;
            if keys.is_empty() {
                return Ok(dropped);
            }
            let still = is_done.clone();
            dropped += self.store.write(move |tx| drop_keys(tx, table, &keys, still)).await?;
        }
    }
}

fn some_keys<K: Key, V: Row<K>>(
    reader: &impl Read,
    table: Table<K, V>,
    is_done: impl Fn(&K, &V) -> bool,
) -> Result<Vec<K>> {
    let mut keys = Vec::new();
    reader.walk(table, &Span::all(), Direction::Up, |key, row| {
        if is_done(&key, &row) {
            keys.push(key);
        }
        Ok(if keys.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    Ok(keys)
}

fn drop_keys<K: Key, V: Row<K>>(
    tx: &mut WriteTx<'_>,
    table: Table<K, V>,
    keys: &[K],
    is_done: impl Fn(&K, &V) -> bool,
) -> Result<usize> {
    let mut dropped = 0;
    for key in keys {
        if tx.get(table, key)?.is_some_and(|row| is_done(key, &row)) {
            tx.remove(table, key)?;
            dropped += 1;
        }
    }
    Ok(dropped)
}

fn use_of(says: &MailContent) -> Duration {
    match says {
        MailContent::Letter { letter, .. } => purpose_of(*letter).map_or(NEWS, lifetime),
        MailContent::Template { .. } | MailContent::Event(_) | MailContent::Test => NEWS,
    }
}
