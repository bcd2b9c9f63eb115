//! Confirms that what a complete listing lacked is gone: by a single read that the panel answers with 404, or by a second
//! complete listing of its scope that nothing speaks against. What cannot be confirmed stays.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use aviary_kernel::base::Result as Stored;
use aviary_kernel::model::{Allocation, Kind, PanelId, RemoteId, SyncIssue};
use aviary_kernel::store::Read;
use aviary_kernel::store::rows::Mirror;
use aviary_remote::{EggBundle, IdSet, Page, PanelError, Presence, ServerBundle, ServerIncludes, Sweep};
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::held;
use super::prune::is_over;
use super::run::{Absent, Halt};
use super::steps::{Steps, unless_cancelled};

/// More absent objects of a kind than this are confirmed by a second listing instead of one read each.
const SINGLE_READS: usize = 300;
/// Single reads that a second listing must agree with.
const SAMPLE: usize = 25;
/// Servers that are read one by one to confirm what is absent in them; more are listed again.
const SERVER_READS: usize = 25;
/// Single reads on their way at a time.
const AT_ONCE: usize = 4;

/// What the panel said when it was asked for an object.
type Answers = Vec<(Absent, Result<Presence, PanelError>)>;

impl Steps<'_> {
    /// Which of the absent objects are gone for sure.
    pub(super) async fn confirmed(&mut self) -> Result<BTreeSet<Absent>, Halt> {
        let mut by_kind: BTreeMap<Kind, Vec<Absent>> = BTreeMap::new();
        for absent in self.still_absent().await? {
            by_kind.entry(absent.kind).or_default().push(absent);
        }
        let mut gone = BTreeSet::new();
        for (kind, absent) in by_kind {
            self.run.say(&format!("Confirming that {} {} are gone", absent.len(), plural(kind)));
            let cancelled = self.run.cancelled.clone();
            gone.extend(unless_cancelled(cancelled, self.confirm_kind(kind, absent)).await??);
        }
        if !self.eggs_whole {
            self.keep_eggs(&mut gone);
        }
        self.with_children(gone).await
    }

    /// Drops what only moved: panels use numbers again, and objects change hands. What now stands elsewhere is not gone.
    async fn still_absent(&mut self) -> Result<Vec<Absent>, Halt> {
        let (panel, absent) = (self.run.panel.id, std::mem::take(&mut self.absent));
        let here = move |tx: &aviary_kernel::store::ReadTx| {
            let mut here = Vec::with_capacity(absent.len());
            for one in absent {
                if held::is_at(tx, panel, one)? {
                    here.push(one);
                }
            }
            Ok(here)
        };
        self.absent = self.run.inner.store.read(here).await?;
        Ok(self.absent.clone())
    }

    async fn confirm_kind(&self, kind: Kind, absent: Vec<Absent>) -> Result<Vec<Absent>, Halt> {
        match kind {
            Kind::Allocation => self.confirm_by_node(absent).await,
            Kind::EggVariable => self.confirm_by_egg(absent).await,
            Kind::Subuser | Kind::Database => Ok(self.confirm_by_server(kind, absent).await),
            _ if self.is_many(kind, absent.len()) => Ok(self.confirm_by_list(kind, absent).await),
            _ => Ok(self.confirm_one_by_one(absent).await),
        }
    }

    /// So many that reading each would take too long, or that a person will be asked anyhow.
    fn is_many(&self, kind: Kind, absent: usize) -> bool {
        kind != Kind::Egg
            && (absent > SINGLE_READS
                || (absent > SAMPLE && is_over(absent as u64, self.run.held.of_kind(kind), self.run.inner.limits)))
    }

    async fn ask_one_by_one(&self, absent: Vec<Absent>) -> Answers {
        let ask =
            |absent: Absent| async move { (absent, self.client.presence(absent.kind, absent.id, absent.parent).await) };
        at_once(absent.into_iter().map(ask).collect()).await
    }

    async fn confirm_one_by_one(&self, absent: Vec<Absent>) -> Vec<Absent> {
        let (mut gone, mut here) = (Vec::new(), Vec::new());
        for (absent, answer) in self.ask_one_by_one(absent).await {
            match answer {
                Ok(Presence::Gone) => gone.push(absent),
                Ok(Presence::Here) => here.push(absent),
                Ok(Presence::Unclear(why)) => self.note_unconfirmed(&[absent], &why),
                Err(fault) => self.note_unconfirmed(&[absent], &fault.what),
            }
        }
        self.note_contradiction(&here);
        gone
    }

    /// By a second listing; a sample of single reads must agree with it, since a list that leaves rows out tends to do so
    /// twice.
    async fn confirm_by_list(&self, kind: Kind, absent: Vec<Absent>) -> Vec<Absent> {
        let client = &self.client;
        let swept = match kind {
            Kind::Location => drained(|tx| client.locations(tx)).await,
            Kind::Node => drained(|tx| client.nodes(tx)).await,
            Kind::Nest => drained(|tx| client.nests(tx)).await,
            Kind::User => drained(|tx| client.users(tx)).await,
            _ => drained(|tx| client.servers(ServerIncludes::PLAIN, tx)).await,
        };
        let gone = self.not_in(swept, absent);
        let sample: Vec<_> = gone.iter().copied().step_by((gone.len() / SAMPLE).max(1)).collect();
        let answers = self.ask_one_by_one(sample).await;
        match answers.into_iter().find(|(_, answer)| !matches!(answer, Ok(Presence::Gone))) {
            None => gone,
            Some((_, Ok(Presence::Here))) => {
                self.note_contradiction(&gone);
                Vec::new()
            }
            Some((_, answer)) => {
                let why = answer.map_or_else(|fault| fault.what, |_| "single reads were not clear".to_owned());
                self.note_unconfirmed(&gone, &why);
                Vec::new()
            }
        }
    }

    /// Those that a second listing, if it is whole, does not hold either.
    fn not_in(&self, swept: Result<Sweep, PanelError>, absent: Vec<Absent>) -> Vec<Absent> {
        let why = match swept {
            Ok(sweep) if sweep.is_complete() => {
                let (here, gone): (Vec<_>, Vec<_>) = absent.into_iter().partition(|a| sweep.ids.contains(a.id));
                self.note_contradiction(&here);
                return gone;
            }
            Ok(_) => "a second listing was not whole".to_owned(),
            Err(fault) => fault.what,
        };
        self.note_unconfirmed(&absent, &why);
        Vec::new()
    }

    /// Allocations have no single read. A list that leaves out what a server still uses is not believed at all.
    async fn confirm_by_node(&self, absent: Vec<Absent>) -> Result<Vec<Absent>, Halt> {
        let mut gone = Vec::new();
        for (node, absent) in by_parent(absent) {
            let swept = drained(|tx| self.client.allocations(node, tx)).await;
            let missing = self.not_in(swept, absent);
            if self.any_in_use(&missing).await? {
                self.note_contradiction(&missing);
            } else {
                gone.extend(missing);
            }
        }
        Ok(gone)
    }

    async fn any_in_use(&self, allocations: &[Absent]) -> Result<bool, Halt> {
        let panel = self.run.panel.id;
        let ids: Vec<_> = allocations.iter().map(|absent| absent.id).collect();
        let vanished: HashSet<_> = self.absent.iter().filter(|a| a.kind == Kind::Server).map(|a| a.id).collect();
        Ok(self.run.inner.store.read(move |tx| used_by_others(tx, panel, &ids, &vanished)).await?)
    }

    async fn confirm_by_egg(&self, absent: Vec<Absent>) -> Result<Vec<Absent>, Halt> {
        let panel = self.run.panel.id;
        let mut gone = Vec::new();
        for (egg, absent) in by_parent(absent) {
            let nest = self.run.inner.store.read(move |tx| held::nest_of(tx, panel, egg)).await?;
            let there = match self.client.egg(nest, egg).await {
                Ok(None) => Ok(Some(IdSet::new())),
                Ok(Some(EggBundle { variables: Some(list), .. })) if list.is_whole => {
                    Ok(Some(list.rows.iter().map(|variable| variable.id).collect()))
                }
                Ok(Some(_)) => Ok(None),
                Err(fault) => Err(fault),
            };
            gone.extend(self.not_among(there, absent));
        }
        Ok(gone)
    }

    async fn confirm_by_server(&self, kind: Kind, absent: Vec<Absent>) -> Vec<Absent> {
        let databases = kind == Kind::Database;
        let with = ServerIncludes { databases, subusers: !databases, ..ServerIncludes::PLAIN };
        let groups = by_parent(absent);
        if groups.len() > SERVER_READS {
            return self.confirm_by_servers(kind, with, groups).await;
        }
        let ask =
            |(server, absent): (RemoteId, Vec<Absent>)| async move { (absent, self.client.server(server, with).await) };
        let answers = at_once(groups.into_iter().map(ask).collect()).await;
        let mut gone = Vec::new();
        for (absent, answer) in answers {
            let there = answer.map(|bundle| bundle.map_or_else(|| Some(IdSet::new()), |bundle| ids_of(&bundle, kind)));
            gone.extend(self.not_among(there, absent));
        }
        gone
    }

    /// By one more listing of all servers, when so many lack something that reading each would take too long.
    async fn confirm_by_servers(
        &self,
        kind: Kind,
        with: ServerIncludes,
        groups: BTreeMap<RemoteId, Vec<Absent>>,
    ) -> Vec<Absent> {
        let (tx, mut pages) = mpsc::channel::<Page<ServerBundle>>(1);
        let wanted: HashSet<_> = groups.keys().copied().collect();
        let collect = async move {
            let mut told: BTreeMap<RemoteId, IdSet> = BTreeMap::new();
            while let Some(page) = pages.recv().await {
                let rows = page.rows.iter().filter(|bundle| wanted.contains(&bundle.server.id));
                told.extend(rows.filter_map(|bundle| Some((bundle.server.id, ids_of(bundle, kind)?))));
            }
            told
        };
        let (swept, told) = tokio::join!(self.client.servers(with, tx), collect);
        let whole = swept.as_ref().is_ok_and(Sweep::is_complete);
        let mut gone = Vec::new();
        for (server, absent) in groups {
            let there = match &swept {
                Err(fault) => Err(fault.clone()),
                Ok(_) => Ok(told.get(&server).filter(|_| whole).cloned()),
            };
            gone.extend(self.not_among(there, absent));
        }
        gone
    }

    fn not_among(&self, there: Result<Option<IdSet>, PanelError>, absent: Vec<Absent>) -> Vec<Absent> {
        let why = match there {
            Ok(Some(ids)) => return absent.into_iter().filter(|absent| !ids.contains(absent.id)).collect(),
            Ok(None) => "the panel did not tell what belongs to its parent".to_owned(),
            Err(fault) => fault.what,
        };
        self.note_unconfirmed(&absent, &why);
        Vec::new()
    }

    /// While not all eggs could be listed, one that is missing in its nest may have moved to another.
    fn keep_eggs(&self, gone: &mut BTreeSet<Absent>) {
        let is_of_eggs = |absent: &Absent| matches!(absent.kind, Kind::Nest | Kind::Egg | Kind::EggVariable);
        let kept: Vec<_> = gone.iter().copied().filter(is_of_eggs).collect();
        gone.retain(|absent| !is_of_eggs(absent));
        self.note_unconfirmed(&kept, "not all eggs could be listed");
    }

    fn note_unconfirmed(&self, absent: &[Absent], why: &str) {
        for one in absent {
            let what = format!(
                "{} {} is no longer in the panel's list, but that it is gone could not be confirmed: {why}",
                one.kind.noun(),
                one.id
            );
            self.note_kept(*one, "unconfirmed", what);
        }
    }

    fn note_contradiction(&self, absent: &[Absent]) {
        for one in absent {
            let what =
                format!("{} {} is missing in the panel's list, yet the panel still knows it", one.kind.noun(), one.id);
            self.note_kept(*one, "contradiction", what);
        }
    }

    fn note_kept(&self, absent: Absent, code: &str, what: String) {
        let target = absent.kind.target();
        let remedy = "It stays in the mirror, marked as missing; the next sync looks again.".to_owned();
        let issue = self.run.issue(target, code, what, remedy);
        self.run.note_issue(SyncIssue { object: Some(absent.id), ..issue });
        self.run.count_failed(target);
    }

    /// Adds what goes with an object: panels delete it in the same breath. An egg that a server uses has moved instead.
    async fn with_children(&self, gone: BTreeSet<Absent>) -> Result<BTreeSet<Absent>, Halt> {
        let panel = self.run.panel.id;
        Ok(self.run.inner.store.read(move |tx| add_children(tx, panel, gone)).await?)
    }
}

fn add_children(reader: &impl Read, panel: PanelId, gone: BTreeSet<Absent>) -> Stored<BTreeSet<Absent>> {
    let mut known: HashSet<_> = gone.iter().map(|absent| (absent.kind, absent.id)).collect();
    let mut queue: Vec<_> = gone.iter().copied().collect();
    let mut all = gone;
    while let Some(parent) = queue.pop() {
        for kind in children_of(parent.kind) {
            let ids = match kind {
                Kind::Allocation => held::allocations(reader, panel, parent.id)?,
                Kind::Egg => held::unused_eggs(reader, panel, parent.id)?,
                _ => held::children(reader, panel, (parent.kind, parent.id), *kind)?,
            };
            for id in ids.into_iter().filter(|id| known.insert((*kind, *id))) {
                let child = Absent { kind: *kind, id, parent: Some(parent.id) };
                queue.push(child);
                all.insert(child);
            }
        }
    }
    Ok(all)
}

/// Subusers of a user are not among them: the servers' own lists tell about these.
fn children_of(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Node => &[Kind::Allocation],
        Kind::Nest => &[Kind::Egg],
        Kind::Egg => &[Kind::EggVariable],
        Kind::Server => &[Kind::Database, Kind::Subuser],
        _ => &[],
    }
}

/// Whether a server that has not vanished itself uses any of these allocations.
fn used_by_others(reader: &impl Read, panel: PanelId, ids: &[RemoteId], vanished: &HashSet<RemoteId>) -> Stored<bool> {
    for id in ids {
        let assigned = reader.get(Allocation::table(), &(panel, *id))?.is_some();
        if assigned && held::users_of(reader, panel, *id)?.iter().any(|server| !vanished.contains(server)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The ids of what belongs to a server; none when the panel did not tell them all.
fn ids_of(bundle: &ServerBundle, kind: Kind) -> Option<IdSet> {
    match kind {
        Kind::Database => bundle
            .databases
            .as_ref()
            .filter(|list| list.is_whole)
            .map(|list| list.rows.iter().map(|row| row.id).collect()),
        _ => bundle
            .subusers
            .as_ref()
            .filter(|list| list.is_whole)
            .map(|list| list.rows.iter().map(|row| row.id).collect()),
    }
}

pub(super) fn plural(kind: Kind) -> String {
    kind.plural().replace('-', " ")
}

async fn at_once<F: Future>(requests: Vec<F>) -> Vec<F::Output> {
    stream::iter(requests).buffer_unordered(AT_ONCE).collect().await
}

fn by_parent(absent: Vec<Absent>) -> BTreeMap<RemoteId, Vec<Absent>> {
    let mut groups: BTreeMap<RemoteId, Vec<Absent>> = BTreeMap::new();
    for absent in absent {
        groups.entry(absent.parent.unwrap_or_default()).or_default().push(absent);
    }
    groups
}

/// Runs a listing for its ids only.
async fn drained<T, F>(sweep: impl FnOnce(mpsc::Sender<Page<T>>) -> F) -> Result<Sweep, PanelError>
where
    F: Future<Output = Result<Sweep, PanelError>>,
{
    let (tx, mut pages) = mpsc::channel(1);
    let (swept, ()) = tokio::join!(sweep(tx), async move { while pages.recv().await.is_some() {} });
    swept
}
