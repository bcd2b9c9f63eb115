use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use aviary_kernel::model::{
    Allocation, Counts, Dialect, Egg, EggVariable, Kind, Location, Nest, Node, RemoteId, Server, ServerDatabase,
    StepState, Subuser, Target, User,
};
use aviary_remote::{EggBundle, Page, PanelClient, PanelError, ServerBundle, ServerIncludes, Sweep};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::mpsc::{self, Receiver};

use super::held;
use super::run::{Absent, Halt, Run, target_of};
use crate::mirror::{Draft, Writer};

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
}

/// Rows on their way into the mirror.
type Applying<'a> = BoxFuture<'a, Result<(), Halt>>;

/// What came of a listing: the sweep, or that the scope failed and was noted.
type Swept = Result<Sweep, PanelError>;

impl<'r> Steps<'r> {
    pub(super) fn new(run: &'r mut Run, client: PanelClient) -> Self {
        let writer = run.inner.writer(run.panel.id, run.sync_id());
        Self {
            run,
            client,
            writer,
            absent: Vec::new(),
            marked: HashSet::new(),
            back: Vec::new(),
            unlisted: Vec::new(),
            told: Told::default(),
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
        let counts = self.writer.apply(rows).await?;
        self.run.count(target, &self.client, &counts);
        Ok(())
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

    async fn nests(&mut self, dialect: Dialect) -> Result<(), Halt> {
        let nests = match dialect {
            Dialect::Pelican => vec![None],
            Dialect::Pterodactyl => {
                let client = self.client.clone();
                self.whole::<Nest, _>(Target::Nests, |tx| async move { client.nests(tx).await }).await?;
                let panel = self.run.panel.id;
                let gone: HashSet<_> = self.absent.iter().filter(|a| a.kind == Kind::Nest).map(|a| a.id).collect();
                let nests = self
                    .run
                    .inner
                    .store
                    .read(move |tx| held::of_kind::<Nest>(tx, panel, |id| !gone.contains(&id)))
                    .await?;
                nests.into_iter().map(Some).collect()
            }
        };
        self.eggs(nests, true).await
    }

    /// Eggs that could not be listed before the servers told which there are.
    async fn late_eggs(&mut self) -> Result<(), Halt> {
        let nests = std::mem::take(&mut self.unlisted);
        if nests.is_empty() {
            return Ok(());
        }
        self.run.begin(Target::Nests, &self.client);
        self.eggs(nests, false).await?;
        self.run.end(Target::Nests, &self.client).await
    }

    async fn eggs(&mut self, nests: Vec<Option<RemoteId>>, may_wait: bool) -> Result<(), Halt> {
        let panel = self.run.panel.id;
        let known = self
            .run
            .inner
            .store
            .read(move |tx| {
                nests.into_iter().map(|nest| Ok((nest, held::eggs(tx, panel, nest)?))).collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let (tx, pages) = mpsc::channel(PAGES_WAITING);
        let client = self.client.clone();
        let list = |(nest, known): (Option<RemoteId>, Vec<RemoteId>)| {
            let (client, tx) = (client.clone(), tx.clone());
            async move { (nest, known.is_empty(), client.eggs(nest, &known, tx).await) }
        };
        let lists: Vec<_> = known.into_iter().map(list).collect();
        drop(tx);
        let sweeps = stream::iter(lists).buffer_unordered(LISTS_AT_ONCE).collect::<Vec<_>>();
        let swept =
            self.listing(Target::Nests, sweeps, pages, |steps, bundles| steps.apply_eggs(bundles).boxed()).await?;
        for (nest, nothing_known, swept) in swept {
            let waits = may_wait && nothing_known && self.run.wants(Target::Servers);
            match swept {
                Err(fault) if waits && fault.is_retryable() => self.unlisted.push(nest),
                swept => self.egg_list(nest, swept).await?,
            }
        }
        Ok(())
    }

    /// One egg that a panel cannot show makes its whole list fail, for years on some panels. So a list of eggs that was
    /// read egg by egg is taken for what it is: good for the eggs that came, silent about the others.
    async fn egg_list(&mut self, nest: Option<RemoteId>, swept: Swept) -> Result<(), Halt> {
        let sweep = match swept {
            Ok(sweep) => sweep,
            Err(fault) => return self.run.note_fault(Target::Nests, &fault),
        };
        self.run.note_unreadable(Target::Nests, &sweep.unreadable);
        let failed = sweep.unreadable_count.max(u64::from(!sweep.is_complete()));
        self.run.count(Target::Nests, &self.client, &Counts { failed, ..Counts::default() });
        if !sweep.is_complete() {
            self.note_incomplete(Target::Nests, &sweep);
            return Ok(());
        }
        let (panel, ids) = (self.run.panel.id, sweep.ids);
        let held = self
            .run
            .inner
            .store
            .read(move |tx| match nest {
                Some(nest) => held::children(tx, panel, (Kind::Nest, nest), Kind::Egg),
                None => held::of_kind::<Egg>(tx, panel, |_| true),
            })
            .await?;
        let missing = held.into_iter().filter(|id| !ids.contains(*id));
        self.absent.extend(missing.map(|id| Absent { kind: Kind::Egg, id, parent: nest }));
        Ok(())
    }

    async fn apply_eggs(&mut self, bundles: Vec<EggBundle>) -> Result<(), Halt> {
        let target = Target::Nests;
        let (mut eggs, mut variables, mut listed) = (Vec::new(), Vec::new(), Vec::new());
        for bundle in bundles {
            if let Some(list) = bundle.variables {
                listed.push(Listed::of((Kind::Egg, bundle.egg.id), &list));
                variables.extend(list);
            }
            eggs.push(bundle.egg);
        }
        self.compare(listed).await?;
        let total = variables.len() as u64;
        self.apply_plain::<Egg>(target, eggs).await?;
        self.run.count(target, &self.client, &Counts { total, ..Counts::default() });
        self.apply_plain::<EggVariable>(target, variables).await
    }

    /// Servers and what comes with them, as far as it was asked for.
    async fn servers(&mut self, first: Target) -> Result<(), Halt> {
        let with = ServerIncludes {
            allocations: self.run.wants(Target::Servers),
            variables: true,
            subusers: self.run.wants(Target::Subusers),
            databases: self.run.wants(Target::Databases),
        };
        let steps: Vec<_> = [Target::Servers, Target::Databases, Target::Subusers]
            .into_iter()
            .filter(|target| self.run.wants(*target))
            .collect();
        for target in steps.iter().rev() {
            self.run.begin(*target, &self.client);
        }
        let (tx, pages) = mpsc::channel(PAGES_WAITING);
        let client = self.client.clone();
        let sweep = async move { client.servers(with, tx).await };
        let swept = self.listing(first, sweep, pages, |steps, bundles| steps.apply_servers(bundles).boxed()).await?;
        self.server_list(first, &steps, swept).await?;
        for (number, target) in steps.into_iter().enumerate() {
            self.run.end(target, &self.client).await?;
            if number == 0 {
                // The requests were those of the first; the others came along.
                self.run.begin_at_no_cost(&self.client);
            }
        }
        Ok(())
    }

    async fn server_list(&mut self, first: Target, steps: &[Target], swept: Swept) -> Result<(), Halt> {
        let whole = self.judged(first, swept);
        let failed = !matches!(whole, Ok(Some(_)));
        for target in steps.iter().filter(|target| **target != first) {
            if failed {
                self.run.set_state(*target, StepState::Failed);
            }
        }
        let Some(sweep) = whole? else { return Ok(()) };
        if steps.contains(&Target::Servers) {
            self.absent_of_kind::<Server>(&sweep).await?;
            self.run.settle(Target::Servers, std::slice::from_ref(&sweep));
        }
        self.note_levels(sweep.total);
        Ok(())
    }

    async fn apply_servers(&mut self, bundles: Vec<ServerBundle>) -> Result<(), Halt> {
        let (mut servers, mut databases, mut subusers) = (Vec::new(), Vec::new(), Vec::new());
        let mut listed = Vec::new();
        for bundle in bundles {
            self.told.note(&bundle);
            let parent = (Kind::Server, bundle.server.id);
            if let Some(list) = bundle.databases {
                listed.push(Listed::of(parent, &list));
                databases.extend(list);
            }
            if let Some(list) = bundle.subusers {
                listed.push(Listed::of(parent, &list));
                subusers.extend(list);
            }
            servers.push(bundle.server);
        }
        self.compare(listed).await?;
        if self.run.wants(Target::Servers) {
            self.apply_plain::<Server>(Target::Servers, servers).await?;
        }
        self.apply_children::<ServerDatabase>(databases).await?;
        self.apply_children::<Subuser>(subusers).await
    }

    async fn apply_children<T: Draft>(&mut self, rows: Vec<T>) -> Result<(), Halt> {
        let target = target_of(T::KIND);
        self.run.count(target, &self.client, &Counts { total: rows.len() as u64, ..Counts::default() });
        self.apply_plain(target, rows).await
    }

    /// Says which levels the key seems to lack. A relation that no server told is unknown, not empty.
    fn note_levels(&mut self, servers: u64) {
        if servers == 0 {
            return;
        }
        let all = [
            (Target::Servers, self.told.allocations, "allocations of servers", "allocations"),
            (Target::Servers, self.told.variables, "variables of servers", "servers"),
            (Target::Databases, self.told.databases, "databases", "server databases"),
            (Target::Subusers, self.told.subusers, "subusers", "users"),
        ];
        let wanted = |target| self.run.wants(target);
        for (target, _, what, level) in all.into_iter().filter(|(target, told, ..)| !told && wanted(*target)) {
            let what = format!("the panel tells nothing about the {what}; what is known of them stays");
            let remedy = format!("Give the application key the level \"read\" for {level}.");
            let issue = self.run.issue(target, "level_missing", what, remedy);
            self.run.note_issue(issue);
            if target != Target::Servers {
                self.run.set_state(target, StepState::Skipped);
            }
        }
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
    fn of<T: Draft>(parent: (Kind, RemoteId), rows: &[T]) -> Self {
        Self { parent, kind: T::KIND, ids: rows.iter().map(T::id).collect() }
    }
}

/// Which relations of servers the panel told at all.
#[derive(Default)]
struct Told {
    allocations: bool,
    variables: bool,
    databases: bool,
    subusers: bool,
}

impl Told {
    fn note(&mut self, bundle: &ServerBundle) {
        self.allocations |= bundle.server.allocations.is_some();
        self.variables |= bundle.server.variables.is_some();
        self.databases |= bundle.databases.is_some();
        self.subusers |= bundle.subusers.is_some();
    }
}

/// Waits for `work`, or for the wish to cancel, whichever comes first.
pub(super) async fn unless_cancelled<T>(
    mut cancelled: tokio::sync::watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Result<T, Halt> {
    tokio::select! {
        biased;
        Ok(_) = cancelled.wait_for(|cancelled| *cancelled) => Err(Halt::Cancelled),
        done = work => Ok(done),
    }
}
