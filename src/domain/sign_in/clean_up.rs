use std::ops::ControlFlow;

use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::store::tables::{LOCKOUTS, SESSIONS};
use aviary_kernel::store::{Direction, Key, Read, Row, Span, Table};

use super::SignIn;
use super::lockout::FADES_AFTER;

/// Rows that are removed in one transaction.
const BATCH: usize = 500;

impl SignIn {
    /// Removes sessions that ran out and wrong tries that no longer count. How many there were.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn clean_up(&self, now: Timestamp) -> Result<u64> {
        let sessions = self.sweep(SESSIONS, move |session| session.expires_at <= now).await?;
        let tries = self.sweep(LOCKOUTS, move |tries| now.since(tries.last_at) >= FADES_AFTER).await?;
        Ok(sessions + tries)
    }

    async fn sweep<K, V>(&self, table: Table<K, V>, is_over: impl Fn(&V) -> bool + Copy + Send + 'static) -> Result<u64>
    where
        K: Key + Sync,
        V: Row<K> + Send + 'static,
    {
        let over = self.accounts.store.read(move |tx| {
            let mut over = Vec::new();
            tx.walk(table, &Span::all(), Direction::Up, |key, row| {
                over.extend(is_over(&row).then_some(key));
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(over)
        });
        let mut removed = 0;
        for batch in over.await?.chunks(BATCH).map(<[K]>::to_vec) {
            let swept = self.accounts.store.write(move |tx| {
                let mut removed = 0;
                for key in &batch {
                    // It may have been used in between.
                    if tx.get(table, key)?.is_some_and(|row| is_over(&row)) {
                        tx.remove(table, key)?;
                        removed += 1;
                    }
                }
                Ok(removed)
            });
            removed += swept.await?;
        }
        Ok(removed)
    }
}
