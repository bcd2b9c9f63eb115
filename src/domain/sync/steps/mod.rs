//! What each step reads and writes, in order.

mod eggs;
mod servers;

use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use aviary_kernel::model::{Allocation, Counts, Dialect, Kind, Location, Node, RemoteId, StepState, Target, User};
use aviary_remote::{Children, Page, PanelClient, PanelError, Sweep};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc::{self, Receiver};

use super::held;
use super::run::{Absent, Halt, Run};
use super::service::Cancel;
use crate::mirror::{Draft, Writer};
use servers::Told;

/// Pages that may wait to be written while the next one is fetched.
const PAGES_WAITING: usize = 2;
/// How often the run says how long it still waits.
const LOOK_FOR_WAITING: Duration = Duration::from_secs(1);
/// Lists (of nodes, of nests) that are read at the same time; the client bounds the requests.
const LISTS_AT_ONCE: usize = 4;

/// The steps of a run, in order: parents before children.
pub(super) struct Steps<'r> {
    pub(super) run: &'r mut Run,
    pub(super) client: PanelClient,
    pub(super) writer: Writer,
    /// What complete listings lacked.
    pub(super) absent: Vec<Absent>,
    /// Objects that were marked as missing, and are still to be seen again.
    pub(super) marked: HashSet<(Kind, RemoteId)>,
    /// Marked objects that were seen again.
    pub(super) back: Vec<(Kind, RemoteId)>,
    /// Nests whose eggs could not be listed, because nothing was known of them yet.
    unlisted: Vec<Option<RemoteId>>,
    told: Told,
    /// Whether every list of eggs was whole.
    pub(super) eggs_whole: bool,
    /// Objects under numbers that are used again; see [`Replacement`].
    pub(super) replacements: Vec<Replacement>,
}

/// Another object under the number of a stored one. The stored one counts among the removals; only when it may go is the
/// other one written.
pub(super) struct Replacement {
    pub(super) kind: Kind,
    pub(super) id: RemoteId,
    /// Writes it. None when there are so many that a person will be asked; the next sync brings it then.
    pub(super) write: Option<Write>,
}

/// Writes one object when its turn comes.
type Write = Box<dyn FnOnce(Writer) -> Writing + Send + Sync>;
type Writing = BoxFuture<'static, aviary_kernel::base::Result<Counts>>;

/// Replacements whose rows are kept in memory.
const REPLACEMENTS_KEPT: usize = 1_000;

/// Rows on their way into the mirror.
type Applying<'a> = BoxFuture<'a, Result<(), Halt>>;

/// What came of a listing: the sweep, or that the scope failed and was noted.
type Swept = Result<Sweep, PanelError>;

impl<'r> Steps<'r> {
    pub(super) fn new(run: &'r mut Run, client: PanelClient) -> Self {
        let writer = run.inner.writer(run.panel.id, run.sync_id());
        let writer = if run.panel.synced_at.is_some() { writer } else { writer.silent() };
        Self {
            run,
            client,
            writer,
            absent: Vec::new(),
            marked: HashSet::new(),
            back: Vec::new(),
            unlisted: Vec::new(),
            told: Told::default(),
            eggs_whole: true,
            replacements: Vec::new(),
        }
    }

    /// Reads everything that was asked for.
    pub(super) async fn all(&mut self) -> Result<(), Halt> {
        self.marked = self.marks().await?;
        let dialect = self.dialect().await?;
        for target in self.run.targets() {
            if self.run.is_cancelled() {
                return Err(Halt::Cancelled);
            }
            match target {
                Target::Locations if dialect == Dialect::Pelican => self.run.set_state(target, StepState::Skipped),
                // They come with the servers.
                Target::Databases | Target::Subusers if self.run.wants(Target::Servers) => {}
                Target::Subusers if self.run.wants(Target::Databases) => {}
                Target::Databases | Target::Subusers => self.servers(target).await?,
                Target::Servers => self.servers(target).await?,
                _ => {
                    self.run.begin(target, &self.client);
                    self.one(target, dialect).await?;
                    self.run.end(target, &self.client).await?;
                }
            }
        }
        self.late_eggs().await
    }

    async fn dialect(&mut self) -> Result<Dialect, Halt> {
        let cancelled = self.run.cancelled.clone();
        match unless_cancelled(cancelled, self.client.dialect()).await? {
            Ok(dialect) => {
                self.run.panel.dialect = Some(dialect);
                Ok(dialect)
            }
            Err(fault) => {
                let first = self.run.targets().first().copied().unwrap_or(Target::Locations);
                self.run.note_fault(first, &fault)?;
                Err(Halt::Panel)
            }
        }
    }

    async fn one(&mut self, target: Target, dialect: Dialect) -> Result<(), Halt> {
        let client = self.client.clone();
        match target {
            Target::Locations => {
                self.whole::<Location, _>(target, |tx| async move { client.locations(tx).await }).await
            }
            Target::Nodes => self.whole::<Node, _>(target, |tx| async move { client.nodes(tx).await }).await,
            Target::Users => self.whole::<User, _>(target, |tx| async move { client.users(tx).await }).await,
            Target::Allocations => self.allocations().await,
            _ => self.nests(dialect).await,
        }
    }

    /// A kind that has one list.
    async fn whole<T: Draft, F>(
        &mut self,
        target: Target,
        sweep: impl FnOnce(mpsc::Sender<Page<T>>) -> F,
    ) -> Result<(), Halt>
    where
        F: Future<Output = Swept>,
    {
        let (tx, pages) = mpsc::channel(PAGES_WAITING);
        let swept =
            self.listing(target, sweep(tx), pages, |steps, rows| steps.apply_plain(target, rows).boxed()).await?;
        let swept = self.judged(target, swept)?;
        if let Some(sweep) = &swept {
            self.absent_of_kind::<T>(sweep).await?;
        }
        self.run.settle(target, swept.as_slice());
        Ok(())
    }

    /// Runs a listing and writes its pages as they come.
    async fn listing<T, O>(
        &mut self,
        target: Target,
        sweep: impl Future<Output = O>,
        mut pages: Receiver<Page<T>>,
        mut apply: impl for<'a> FnMut(&'a mut Self, Vec<T>) -> Applying<'a>,
    ) -> Result<O, Halt> {
        let cancelled = self.run.cancelled.clone();
        let write = async move {
            while let Some(page) = self.next_page(&mut pages).await {
                let total = if page.number == 1 { page.total } else { 0 };
                self.run.count(target, &self.client, &Counts { total, ..Counts::default() });
                apply(self, page.rows).await?;
            }
            Ok::<_, Halt>(())
        };
        // When writing fails its end of the channel is dropped, which ends the listing too.
        let (swept, written) = unless_cancelled(cancelled, async { tokio::join!(sweep, write) }).await?;
        written?;
        Ok(swept)
    }

    /// The next page; says so when the panel's limit keeps it waiting.
    async fn next_page<T>(&self, pages: &mut Receiver<Page<T>>) -> Option<Page<T>> {
        loop {
            tokio::select! {
                biased;
                page = pages.recv() => return page,
                () = tokio::time::sleep(LOOK_FOR_WAITING) => self.run.note_waiting(&self.client),
            }
        }
    }

    async fn apply_plain<T: Draft>(&mut self, target: Target, rows: Vec<T>) -> Result<(), Halt> {
        rows.iter().for_each(|row| self.seen(T::KIND, row.id()));
        let applied = self.writer.apply(rows).await?;
        self.run.count(target, &self.client, &applied.counts);
        for draft in applied.replacements {
            self.replace(draft);
        }
        Ok(())
    }

    fn replace<T: Draft>(&mut self, draft: T) {
        let (kind, id) = (T::KIND, draft.id());
        self.replacements.retain(|other| (other.kind, other.id) != (kind, id));
        let keep = self.replacements.len() < REPLACEMENTS_KEPT;
        let write = move |writer: Writer| async move { Ok(writer.apply(vec![draft]).await?.counts) }.boxed();
        self.replacements.push(Replacement { kind, id, write: keep.then(|| Box::new(write) as Write) });
    }

    pub(super) fn seen(&mut self, kind: Kind, id: RemoteId) {
        if self.marked.remove(&(kind, id)) {
            self.back.push((kind, id));
        }
    }

    /// Notes what was wrong with a listing; gives it back when its scope is whole.
    fn judged(&mut self, target: Target, swept: Swept) -> Result<Option<Sweep>, Halt> {
        let sweep = match swept {
            Ok(sweep) => sweep,
            Err(fault) => {
                self.run.note_fault(target, &fault)?;
                return Ok(None);
            }
        };
        self.run.note_unreadable(target, &sweep.unreadable);
        if sweep.is_complete() {
            return Ok(Some(sweep));
        }
        self.note_incomplete(target, &sweep);
        self.run.set_state(target, StepState::Failed);
        Ok(None)
    }

    fn note_incomplete(&mut self, target: Target, sweep: &Sweep) {
        let (what, request) = match &sweep.incomplete {
            Some(incomplete) => (incomplete.reason.clone(), Some(incomplete.request.clone())),
            None => (format!("{} records of the list have no number that can be read", sweep.nameless), None),
        };
        let remedy = "What was read is kept and nothing is removed; the next sync reads the list again.".to_owned();
        let issue = self.run.issue(target, "incomplete", what, remedy);
        self.run.note_issue(aviary_kernel::model::SyncIssue { request, ..issue });
    }

    async fn absent_of_kind<T: Draft>(&mut self, sweep: &Sweep) -> Result<(), Halt> {
        let (panel, ids) = (self.run.panel.id, sweep.ids.clone());
        let missing =
            self.run.inner.store.read(move |tx| held::of_kind::<T>(tx, panel, |id| !ids.contains(id))).await?;
        self.absent.extend(missing.into_iter().map(|id| Absent { kind: T::KIND, id, parent: None }));
        Ok(())
    }

    async fn allocations(&mut self) -> Result<(), Halt> {
        let panel = self.run.panel.id;
        let nodes = self.run.inner.store.read(move |tx| held::of_kind::<Node>(tx, panel, |_| true)).await?;
        // Nodes that the list no longer held would only answer 404; whether they are gone is asked later.
        let gone: HashSet<_> =
            self.absent.iter().filter(|absent| absent.kind == Kind::Node).map(|absent| absent.id).collect();
        let (tx, pages) = mpsc::channel(PAGES_WAITING);
        let client = self.client.clone();
        let list = |node| {
            let (client, tx) = (client.clone(), tx.clone());
            async move { (node, client.allocations(node, tx).await) }
        };
        let lists: Vec<_> = nodes.into_iter().filter(|node| !gone.contains(node)).map(list).collect();
        drop(tx);
        let sweeps = stream::iter(lists).buffer_unordered(LISTS_AT_ONCE).collect::<Vec<_>>();
        let target = Target::Allocations;
        let swept = self
            .listing(target, sweeps, pages, |steps, rows| steps.apply_plain::<Allocation>(target, rows).boxed())
            .await?;
        let mut whole = Vec::new();
        for (node, swept) in swept {
            if let Some(sweep) = self.judged(Target::Allocations, swept)? {
                let ids = sweep.ids.clone();
                let held = self.run.inner.store.read(move |tx| held::allocations(tx, panel, node)).await?;
                let missing = held.into_iter().filter(|id| !ids.contains(*id));
                self.absent.extend(missing.map(|id| Absent { kind: Kind::Allocation, id, parent: Some(node) }));
                whole.push(sweep);
            }
        }
        self.run.settle(Target::Allocations, &whole);
        Ok(())
    }

    /// Compares what objects have with what the mirror holds of them.
    async fn compare(&mut self, listed: Vec<Listed>) -> Result<(), Halt> {
        let panel = self.run.panel.id;
        let absent = self
            .run
            .inner
            .store
            .read(move |tx| {
                let mut absent = Vec::new();
                for Listed { parent, kind, ids } in listed {
                    let held = held::children(tx, panel, parent, kind)?.into_iter().filter(|id| !ids.contains(id));
                    absent.extend(held.map(|id| Absent { kind, id, parent: Some(parent.1) }));
                }
                Ok(absent)
            })
            .await?;
        self.absent.extend(absent);
        Ok(())
    }
}

/// What a panel told that belongs to one object.
struct Listed {
    parent: (Kind, RemoteId),
    kind: Kind,
    ids: HashSet<RemoteId>,
}

impl Listed {
    /// None when not all of them could be read: then the absence of one means nothing.
    fn of<T: Draft>(parent: (Kind, RemoteId), list: &Children<T>) -> Option<Self> {
        list.is_whole.then(|| Self { parent, kind: T::KIND, ids: list.rows.iter().map(T::id).collect() })
    }
}

/// Waits for `work`, or for the wish to cancel, whichever comes first.
pub(super) async fn unless_cancelled<T>(
    mut cancelled: tokio::sync::watch::Receiver<Cancel>,
    work: impl Future<Output = T>,
) -> Result<T, Halt> {
    tokio::select! {
        biased;
        Ok(_) = cancelled.wait_for(|cancelled| *cancelled != Cancel::No) => Err(Halt::Cancelled),
        done = work => Ok(done),
    }
}
