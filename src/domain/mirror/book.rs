use std::ops::ControlFlow;
use std::sync::Arc;

use aviary_kernel::base::{Error, Result, Timestamp};
use aviary_kernel::model::{Allocation, Kind, Missing, Node, ObjectKey, PanelId, RemoteId, Server};
use aviary_kernel::store::rows::{Mirror, Mirrored};
use aviary_kernel::store::tables::{BY_UUID, CHILDREN, MISSING};
use aviary_kernel::store::{Direction, Key, Read, ReadTx, SortText, Span, Store};

use super::allocations::{self, AllocationQuery, PlacedAllocation};
use super::finder::Finder;
use super::history::{self, HistoryPage, HistoryQuery};
use super::list::{self, ListPage, ListQuery};
use super::searchable::Searchable;
use super::{
    Capacity, Compared, DriftReport, Fullness, Lately, NodeLoad, PanelCounts, StateCount, capacity, compare, drift,
};

/// Entries of the history that one commit forgets.
const FORGET_AT_ONCE: usize = 1_000;

/// Answers questions about the mirror. Every answer is taken from one snapshot.
#[derive(Clone)]
pub struct Book {
    store: Store,
    finder: Option<Finder>,
    drift: Arc<drift::Memo>,
}

/// An object by its name, as far as another object needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Relative {
    /// The panel's number.
    pub id: RemoteId,
    /// What people call it.
    pub label: String,
}

impl Book {
    /// The mirror in `store`.
    pub fn new(store: Store) -> Self {
        Self { store, finder: None, drift: Arc::default() }
    }

    /// The same with somebody to ask which rows hold a text. The answers are the same, and come sooner.
    #[must_use]
    pub fn finding(self, finder: Finder) -> Self {
        Self { finder: Some(finder), ..self }
    }

    /// Several questions on one snapshot.
    ///
    /// # Errors
    /// What `ask` returns.
    pub async fn look<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Page<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (finder, drift) = (self.finder.clone(), self.drift.clone());
        self.store.read(move |tx| ask(&Page { tx, finder, drift })).await
    }

    /// A page of the objects of a kind.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn list<T: Searchable>(&self, query: ListQuery) -> Result<ListPage<T>> {
        self.look(move |page| page.list(&query)).await
    }

    /// One object.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn require<T: Mirror>(&self, panel: PanelId, id: RemoteId) -> Result<Mirrored<T>> {
        self.look(move |page| page.require(panel, id)).await
    }

    /// A page of allocations with their nodes and servers, and how many there are in all.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn allocations(&self, query: AllocationQuery) -> Result<(Vec<PlacedAllocation>, u64)> {
        self.look(move |page| page.allocations(&query)).await
    }

    /// A page of the history, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn history(&self, query: HistoryQuery) -> Result<HistoryPage> {
        self.look(move |page| page.history(&query)).await
    }

    /// What does not fit together.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn drift(&self, panel: Option<PanelId>) -> Result<Arc<DriftReport>> {
        self.look(move |page| page.drift(panel)).await
    }

    /// Forgets history that is older than `before`, a bit at a time so that others can write in between. The number of
    /// entries forgotten.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn forget_history(&self, before: Timestamp) -> Result<u64> {
        let mut forgotten = 0;
        loop {
            let batch = self.store.write(move |tx| history::forget(tx, before, FORGET_AT_ONCE)).await?;
            forgotten += batch as u64;
            if batch < FORGET_AT_ONCE {
                return Ok(forgotten);
            }
        }
    }

    /// What one panel, or all together, hold.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn counts(&self, panel: Option<PanelId>) -> Result<PanelCounts> {
        self.look(move |page| page.counts(panel)).await
    }

    /// How many servers are in each state.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn states(&self, panel: Option<PanelId>) -> Result<Vec<StateCount>> {
        self.store.read(move |tx| StateCount::all(tx, panel)).await
    }
}

/// One snapshot of the mirror, for several questions that must agree.
pub struct Page<'t> {
    tx: &'t ReadTx,
    finder: Option<Finder>,
    drift: Arc<drift::Memo>,
}

impl Page<'_> {
    /// One object, if it is there.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get<T: Mirror>(&self, panel: PanelId, id: RemoteId) -> Result<Option<Mirrored<T>>> {
        self.tx.get(T::table(), &(panel, id))
    }

    /// One object.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn require<T: Mirror>(&self, panel: PanelId, id: RemoteId) -> Result<Mirrored<T>> {
        self.get(panel, id)?.ok_or_else(|| Error::not_found(T::KIND.noun(), id))
    }

    /// A page of the objects of a kind.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list<T: Searchable>(&self, query: &ListQuery) -> Result<ListPage<T>> {
        list::list(self.tx, self.finder.as_ref(), query)
    }

    /// The name of an object, if it is there.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn relative<T: Mirror>(&self, panel: PanelId, id: RemoteId) -> Result<Option<Relative>> {
        Ok(self.get::<T>(panel, id)?.map(|row| Relative { id, label: row.data.label() }))
    }

    /// At most `limit` objects that belong to another one, by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn children<T: Mirror>(
        &self,
        panel: PanelId,
        parent: (Kind, RemoteId),
        limit: usize,
    ) -> Result<Vec<Mirrored<T>>> {
        let mut keys = Vec::new();
        let span = Span::prefix(&(panel, parent.0, parent.1, T::KIND));
        self.tx.walk_index(CHILDREN, &span, Direction::Up, |(.., id)| {
            keys.push(id);
            Ok(if keys.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        let mut rows = Vec::with_capacity(keys.len());
        for id in keys {
            rows.extend(self.get(panel, id)?);
        }
        Ok(rows)
    }

    /// The allocations of a server: the primary one first. Those that are not in the mirror are passed over.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn allocations_of(&self, panel: PanelId, server: &Server) -> Result<Vec<Mirrored<Allocation>>> {
        let mut ids = server.allocations.clone().unwrap_or_else(|| server.allocation_id.into_iter().collect());
        ids.sort_by_key(|id| (Some(*id) != server.allocation_id, *id));
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            rows.extend(self.get(panel, id)?);
        }
        Ok(rows)
    }

    /// A page of allocations with their nodes and servers, and how many there are in all.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn allocations(&self, query: &AllocationQuery) -> Result<(Vec<PlacedAllocation>, u64)> {
        allocations::allocations(self.tx, self.finder.as_ref(), query)
    }

    /// The server that uses an allocation: its number and name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn user_of_allocation(&self, panel: PanelId, allocation: RemoteId) -> Result<Option<Relative>> {
        Ok(allocations::server_of(self.tx, panel, allocation)?.map(|(id, label)| Relative { id, label }))
    }

    /// What stands on a node.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn load(&self, panel: PanelId, node: RemoteId) -> Result<NodeLoad> {
        NodeLoad::of(self.tx, panel, node)
    }

    /// A kept number, such as the servers of an egg.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self, what: u8, panel: PanelId, of: RemoteId) -> Result<u64> {
        self.tx.count(aviary_kernel::store::Counter { what, panel, of })
    }

    /// What one panel, or all together, hold.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn counts(&self, panel: Option<PanelId>) -> Result<PanelCounts> {
        panel.map_or_else(|| PanelCounts::of_all(self.tx), |panel| PanelCounts::of(self.tx, panel))
    }

    /// A page of the history, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn history(&self, query: &HistoryQuery) -> Result<HistoryPage> {
        history::page(self.tx, self.finder.as_ref(), query)
    }

    /// What is different about an object between two times. What happened exactly at a time belongs to before it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing is known of such an object; [`Error::Invalid`] when the second time is before the
    /// first.
    pub fn compare(&self, object: ObjectKey, from: Timestamp, until: Timestamp) -> Result<Compared> {
        compare::compare(self.tx, object, (from, until))
    }

    /// The object of a kind that had this UUID and was removed; while the index of the search is being made, only if that was
    /// among the last changes of anything.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn removed_by_uuid(&self, kind: Kind, uuid: &str) -> Result<Option<ObjectKey>> {
        history::removed(self.tx, self.finder.as_ref(), kind, uuid)
    }

    /// Counts what changed since the last look; what is older than `hours` full hours before the one of `now` is forgotten.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn catch_up(&self, lately: &mut Lately, now: Timestamp, hours: u32) -> Result<()> {
        lately.catch_up(self.tx, now, hours)
    }

    /// What does not fit together. The first look after a change of the mirror walks all rows.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn drift(&self, panel: Option<PanelId>) -> Result<Arc<DriftReport>> {
        self.drift.report(self.tx, panel)
    }

    /// How full a node is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn fullness(&self, panel: PanelId, node: &Node) -> Result<Fullness> {
        capacity::of_node(self.tx, panel, node)
    }

    /// How full all nodes and locations are. This walks all nodes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn capacity(&self) -> Result<Capacity> {
        capacity::of_all(self.tx)
    }

    /// Since when an object has been missing from the panel's lists; none when it is not.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn missing(&self, object: ObjectKey) -> Result<Option<Missing>> {
        self.tx.get(MISSING, &object)
    }

    /// The object of a kind that has this UUID, on whichever panel.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn by_uuid(&self, kind: Kind, uuid: &str) -> Result<Option<(PanelId, RemoteId)>> {
        let mut found = None;
        let prefix = SortText::new(uuid).to_bytes();
        self.tx.walk_index(BY_UUID, &Span::prefix_bytes(&prefix), Direction::Up, |(_, panel, of, id)| {
            if of == kind {
                found = Some((panel, id));
            }
            Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        Ok(found)
    }
}
