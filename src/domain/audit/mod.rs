//! The record of who did what. An event is written in the commit of the change that it tells of, so there is never one
//! without the other.
//!
//! * [`record`] and [`Did`]: how events come into the trail. Refusals, which change nothing else, come through
//!   [`Audit::note`].
//! * `chain`, `checkpoints`, `verify`: how a changed trail is told from a whole one.
//! * `list`, `export`: how it is read. `trim`: how it ends. `bursts`: who is to be looked at now.

mod bursts;
mod chain;
mod checkpoints;
mod did;
mod export;
mod list;
mod notes;
mod told;
mod trim;
mod verify;

use std::sync::{Arc, Mutex};

use aviary_kernel::base::{Env, Error, Result, Sealer};
use aviary_kernel::model::{Actor, AuditEvent};
use aviary_kernel::store::tables::AUDIT;
use aviary_kernel::store::{Read, ReadTx, Span, Store, WriteTx};

pub use did::Did;
pub use export::{Export, Format};
pub(crate) use list::did_since;
pub use list::{AuditPage, AuditQuery, KnownActor};
pub use told::Told;
pub use verify::{Fault, Verified};

use bursts::Bursts;
use notes::Notes;

/// The series that events are numbered in.
const SERIES: &str = "audit";

/// Puts on record what `actor` did; to be called in the transaction that does it. The number of the event.
///
/// # Errors
/// When the file cannot be read or written.
pub fn record(tx: &mut WriteTx<'_>, env: &Env, actor: &Actor, did: Did) -> Result<u64> {
    let before = match tx.last_key(AUDIT, &Span::all())? {
        Some(seq) => tx.get(AUDIT, &seq)?.map_or(chain::START, |event| event.hash),
        None => chain::START,
    };
    let seq = tx.next_number(SERIES)?;
    let mut event = did.event(env.now(), actor);
    event.hash = chain::hash(&before, seq, &event);
    tx.put(AUDIT, &seq, &event)?;
    Ok(seq)
}

/// The trail as a whole: to be read, verified, trimmed and exported.
#[derive(Clone)]
pub struct Audit {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    env: Env,
    sealer: Arc<Sealer>,
    notes: Mutex<Notes>,
    bursts: tokio::sync::Mutex<Option<Bursts>>,
    /// Held by who removes events and by who looks at all of them.
    whole: tokio::sync::Mutex<()>,
}

impl Audit {
    /// The trail in `store`. Its checkpoints are signed with a key that `sealer` keeps.
    pub fn new(store: Store, env: Env, sealer: Arc<Sealer>) -> Self {
        let (notes, bursts, whole) = Default::default();
        Self { inner: Arc::new(Inner { store, env, sealer, notes, bursts, whole }) }
    }

    /// An event by its number.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it was trimmed.
    pub async fn get(&self, seq: u64) -> Result<(u64, AuditEvent)> {
        let event = self.inner.store.read(move |tx| tx.get(AUDIT, &seq)).await?;
        event.map(|event| (seq, event)).ok_or_else(|| Error::not_found("audit event", seq))
    }

    /// Those of these events that are there, in this order.
    async fn some(&self, seqs: Vec<u64>) -> Result<Vec<(u64, AuditEvent)>> {
        let get = move |tx: &ReadTx| {
            let one = |seq: &u64| Ok(tx.get(AUDIT, seq)?.map(|event| (*seq, event)));
            seqs.iter().map(one).filter_map(Result::transpose).collect()
        };
        self.inner.store.read(get).await
    }

    /// A page of the events that are asked for, newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the cursor is none of this list.
    pub async fn list(&self, query: AuditQuery) -> Result<AuditPage> {
        self.inner.store.read(move |tx| list::page(tx, &query)).await
    }

    /// The newest events about one thing.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn of_target(&self, kind: &str, id: impl ToString, limit: usize) -> Result<AuditPage> {
        let query =
            AuditQuery { kind: Some(kind.to_owned()), id: Some(id.to_string()), limit, ..AuditQuery::default() };
        self.list(query).await
    }

    /// Everybody who stands in the trail, by the name of their newest event.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn actors(&self) -> Result<Vec<KnownActor>> {
        self.inner.store.read(list::actors).await
    }

    /// The kinds of things that stand in the trail as targets, such as `panel`, in order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn kinds(&self) -> Result<Vec<String>> {
        self.inner.store.read(list::kinds).await
    }

    /// Does what is due: writes down repeated refusals, raises alerts, signs checkpoints. What fails does not hold up the
    /// others.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn tick(&self) -> Result<()> {
        let (noted, watched) = (self.flush_notes(false).await, self.watch_bursts().await);
        let signed = self.sign_checkpoints().await.map(drop);
        noted.and(watched).and(signed)
    }

    /// Writes down what is only in memory so far; before the end.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn shut_down(&self) -> Result<()> {
        self.flush_notes(true).await
    }
}
