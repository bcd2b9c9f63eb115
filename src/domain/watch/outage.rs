//! That the store takes no writes, and that it does again. While it does not, nothing can be put on record, so webhooks are
//! told past the outbox, and what became of that is remembered until it can be. A process that ends before then leaves no
//! record; the webhooks heard of it all the same.

use aviary_kernel::base::{Env, Result};

use super::{Inner, Watch};
use crate::events::{Happening, StoreFacts, raise};
use crate::webhooks::Unwritten;

/// A time in which the store takes no writes.
#[derive(Clone)]
pub(super) struct Outage {
    facts: StoreFacts,
    told: Unwritten,
}

impl Outage {
    fn begin(env: &Env, why: String) -> Result<Self> {
        let facts = StoreFacts { why, since: env.now() };
        let told = Unwritten::new(env, &Happening::StoreReadOnly(facts.clone()))?;
        Ok(Self { facts, told })
    }
}

impl Watch {
    /// Looks whether the store takes writes, and tells when that has changed. To be called every few seconds.
    ///
    /// # Errors
    /// When the webhooks cannot be read, or the end of the outage cannot be written; the next call tries again.
    pub async fn tick(&self) -> Result<()> {
        let Inner { store, env, webhooks, outage, .. } = &*self.inner;
        let mut outage = outage.lock().await;
        if let Some(why) = store.trouble() {
            let known = match outage.take() {
                Some(known) => known,
                None => Outage::begin(env, why)?,
            };
            return webhooks.send_unwritten(&mut outage.insert(known).told).await;
        }
        if let Some(over) = outage.clone() {
            self.end(over).await?;
            // Only now, since it must be remembered until it is on disk.
            *outage = None;
        }
        Ok(())
    }

    /// Puts on record that there was an outage, and that it is over.
    async fn end(&self, outage: Outage) -> Result<()> {
        let this = self.clone();
        self.inner
            .store
            .write(move |tx| {
                this.inner.webhooks.record_unwritten(tx, &outage.told)?;
                raise(tx, &this.inner.env, &Happening::StoreWritable(outage.facts)).map(drop)
            })
            .await
    }
}
