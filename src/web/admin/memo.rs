//! What takes a walk over many rows is kept until something changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web::Data;
use aviary_domain::mirror::{Book, Capacity, HistoryQuery, Lately, Page, PanelCounts};
use aviary_kernel::base::{Result, Timestamp};
use aviary_kernel::model::DriftKind;
use aviary_kernel::store::Store;
use tracing::warn;

/// How far back changes are counted, in full hours.
pub(super) const HOURS: u32 = 24;

/// What the overview is made from. Whether something changed is known by the counts and the newest entry of the history: every
/// change of a row leaves one.
#[derive(Default)]
pub(super) struct Memo {
    capacity: Kept<Capacity>,
    lately: Mutex<Lately>,
    room: Mutex<Room>,
}

/// How much of the data file is in use.
#[derive(Default)]
struct Room {
    used_bytes: Option<u64>,
    /// When it was looked at last, or began to be.
    at: Option<Timestamp>,
}

/// After so long it is looked at anew.
const OLD_ROOM: Duration = Duration::from_secs(3600);

/// How many findings of each kind the drift report has.
#[derive(Default)]
pub(super) struct Findings(BTreeMap<String, u64>);

impl Findings {
    /// Of a kind.
    pub(super) fn of(&self, kind: DriftKind) -> u64 {
        self.0.get(kind.word()).copied().unwrap_or(0)
    }

    /// Of those kinds that want a look: unused eggs do no harm.
    pub(super) fn odd(&self) -> u64 {
        DriftKind::ALL.into_iter().filter(|kind| *kind != DriftKind::UnusedEgg).map(|kind| self.of(kind)).sum()
    }
}

type Stand = (PanelCounts, u64);

struct Kept<T>(Mutex<Option<(Stand, Arc<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Send + Sync + 'static> Kept<T> {
    async fn get(&self, book: &Book, make: impl FnOnce(&Page<'_>) -> Result<T> + Send + 'static) -> Result<Arc<T>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let kept = book
            .look(move |page| {
                let stand = (page.counts(None)?, newest(page)?);
                match kept {
                    Some((made_from, value)) if made_from == stand => Ok((stand, value)),
                    _ => Ok((stand, Arc::new(make(page)?))),
                }
            })
            .await?;
        let value = kept.1.clone();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(value)
    }
}

fn newest(page: &Page<'_>) -> Result<u64> {
    let history = page.history(&HistoryQuery { limit: 1, ..HistoryQuery::default() })?;
    Ok(history.entries.first().map_or(0, |entry| entry.seq))
}

impl Memo {
    /// How many bytes of the data file are in use, as far as that is known: all of its pages are looked at for that, so it is
    /// done beside the requests, once an hour at most.
    pub(super) fn used_bytes(memo: &Data<Self>, store: &Store, now: Timestamp) -> Option<u64> {
        let mut room = memo.room.lock().unwrap_or_else(PoisonError::into_inner);
        if room.at.is_none_or(|at| now.since(at) >= OLD_ROOM) {
            room.at = Some(now);
            let (memo, store) = (memo.clone(), store.clone());
            tokio::spawn(async move {
                match store.read(|tx| tx.used_bytes()).await {
                    Ok(used) => memo.room.lock().unwrap_or_else(PoisonError::into_inner).used_bytes = Some(used),
                    Err(error) => warn!(%error, "how much of the data file is in use could not be seen"),
                }
            });
        }
        room.used_bytes
    }

    /// How many things do not fit together.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) async fn drift(&self, book: &Book) -> Result<Findings> {
        Ok(Findings(book.drift(None).await?.totals.clone()))
    }

    /// How full nodes and locations are.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) async fn capacity(&self, book: &Book) -> Result<Arc<Capacity>> {
        self.capacity.get(book, |page| page.capacity()).await
    }

    /// What changed in the last [`HOURS`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) async fn lately(&self, book: &Book, now: Timestamp) -> Result<Lately> {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lately = book.look(move |page| page.catch_up(&mut lately, now, HOURS).map(|()| lately)).await?;
        self.lately.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&lately);
        Ok(lately)
    }
}
