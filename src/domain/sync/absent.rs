//! Confirms that what a complete listing lacked is gone: by a single read that answers 404, or by a second complete listing
//! of its scope. What cannot be confirmed stays.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use aviary_kernel::model::{Kind, RemoteId, SyncIssue};
use aviary_remote::{EggBundle, IdSet, Page, PanelError, Presence, ServerIncludes, Sweep};
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::held;
use super::run::{Absent, Halt, target_of};
use super::steps::{Steps, unless_cancelled};

/// More absent objects of a kind than this are confirmed by a second listing instead of one read each.
const SINGLE_READS: usize = 25;
/// Single reads on their way at a time.
const AT_ONCE: usize = 4;

impl Steps<'_> {
    /// Which of the absent objects are gone for sure.
    pub(super) async fn confirmed(&mut self) -> Result<BTreeSet<Absent>, Halt> {
        let mut by_kind: BTreeMap<Kind, Vec<Absent>> = BTreeMap::new();
        for absent in std::mem::take(&mut self.absent) {
            by_kind.entry(absent.kind).or_default().push(absent);
        }
        let mut gone = BTreeSet::new();
        for (kind, absent) in by_kind {
            self.run.say(&format!("Confirming that {} {} are gone", absent.len(), kind.plural().replace('-', " ")));
            self.absent.extend(&absent);
            let cancelled = self.run.cancelled.clone();
            let found = unless_cancelled(cancelled, self.confirm_kind(kind, absent)).await??;
            gone.extend(found);
        }
        self.with_children(gone).await
    }

    async fn confirm_kind(&self, kind: Kind, absent: Vec<Absent>) -> Result<Vec<Absent>, Halt> {
        match kind {
            Kind::Allocation => Ok(self.confirm_by_node(absent).await),
            Kind::EggVariable => self.confirm_by_egg(absent).await,
            Kind::Subuser | Kind::Database => Ok(self.confirm_by_server(absent).await),
            _ if absent.len() > SINGLE_READS => Ok(self.confirm_by_list(kind, absent).await),
            _ => Ok(self.confirm_one_by_one(absent).await),
        }
    }

    async fn confirm_one_by_one(&self, absent: Vec<Absent>) -> Vec<Absent> {
        let ask =
            |absent: Absent| async move { (absent, self.client.presence(absent.kind, absent.id, absent.parent).await) };
        let answers = at_once(absent.into_iter().map(ask).collect()).await;
        let mut gone = Vec::new();
        for (absent, answer) in answers {
            match answer {
                Ok(Presence::Gone) => gone.push(absent),
                Ok(Presence::Here) => {}
                Ok(Presence::Unclear(why)) => self.note_unconfirmed(absent, &why),
                Err(fault) => self.note_unconfirmed(absent, &fault.what),
            }
        }
        gone
    }

    async fn confirm_by_list(&self, kind: Kind, absent: Vec<Absent>) -> Vec<Absent> {
        if kind == Kind::Egg {
            return self.confirm_by_nest(absent).await;
        }
        let client = &self.client;
        let swept = match kind {
            Kind::Location => drained(|tx| client.locations(tx)).await,
            Kind::Node => drained(|tx| client.nodes(tx)).await,
            Kind::Nest => drained(|tx| client.nests(tx)).await,
            Kind::User => drained(|tx| client.users(tx)).await,
            _ => drained(|tx| client.servers(ServerIncludes::PLAIN, tx)).await,
        };
        self.not_in(swept, absent)
    }

    /// Those that a second listing, if it is whole, does not hold either.
    fn not_in(&self, swept: Result<Sweep, PanelError>, absent: Vec<Absent>) -> Vec<Absent> {
        let why = match swept {
            Ok(sweep) if sweep.is_complete() => {
                return absent.into_iter().filter(|a| !sweep.ids.contains(a.id)).collect();
            }
            Ok(_) => "a second listing was not whole".to_owned(),
            Err(fault) => fault.what,
        };
        absent.iter().for_each(|absent| self.note_unconfirmed(*absent, &why));
        Vec::new()
    }

    async fn confirm_by_node(&self, absent: Vec<Absent>) -> Vec<Absent> {
        let mut gone = Vec::new();
        for (node, absent) in by_parent(absent) {
            let swept = drained(|tx| self.client.allocations(node, tx)).await;
            gone.extend(self.not_in(swept, absent));
        }
        gone
    }

    async fn confirm_by_nest(&self, absent: Vec<Absent>) -> Vec<Absent> {
        let mut by_nest: BTreeMap<Option<RemoteId>, Vec<Absent>> = BTreeMap::new();
        for absent in absent {
            by_nest.entry(absent.parent).or_default().push(absent);
        }
        let mut gone = Vec::new();
        for (nest, absent) in by_nest {
            let swept = drained::<EggBundle, _>(|tx| self.client.eggs(nest, &[], tx)).await;
            gone.extend(self.not_in(swept, absent));
        }
        gone
    }

    async fn confirm_by_egg(&self, absent: Vec<Absent>) -> Result<Vec<Absent>, Halt> {
        let panel = self.run.panel.id;
        let mut gone = Vec::new();
        for (egg, absent) in by_parent(absent) {
            let nest = self.run.inner.store.read(move |tx| held::nest_of(tx, panel, egg)).await?;
            let there = match self.client.egg(nest, egg).await {
                Ok(None) => Ok(Some(IdSet::new())),
                Ok(Some(bundle)) => Ok(bundle.variables.map(|list| list.iter().map(|variable| variable.id).collect())),
                Err(fault) => Err(fault),
            };
            gone.extend(self.not_among(there, absent));
        }
        Ok(gone)
    }

    async fn confirm_by_server(&self, absent: Vec<Absent>) -> Vec<Absent> {
        let kind = absent.first().map_or(Kind::Subuser, |absent| absent.kind);
        let databases = kind == Kind::Database;
        let with = ServerIncludes { databases, subusers: !databases, ..ServerIncludes::PLAIN };
        let ask =
            |(server, absent): (RemoteId, Vec<Absent>)| async move { (absent, self.client.server(server, with).await) };
        let answers = at_once(by_parent(absent).into_iter().map(ask).collect()).await;
        let mut gone = Vec::new();
        for (absent, answer) in answers {
            let there = match answer {
                Ok(None) => Ok(Some(IdSet::new())),
                Ok(Some(bundle)) if databases => {
                    Ok(bundle.databases.map(|list| list.iter().map(|row| row.id).collect()))
                }
                Ok(Some(bundle)) => Ok(bundle.subusers.map(|list| list.iter().map(|row| row.id).collect())),
                Err(fault) => Err(fault),
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
        absent.iter().for_each(|absent| self.note_unconfirmed(*absent, &why));
        Vec::new()
    }

    fn note_unconfirmed(&self, absent: Absent, why: &str) {
        let what = format!(
            "{} {} is no longer in the panel's list, but that it is gone could not be confirmed: {why}",
            absent.kind.noun(),
            absent.id
        );
        let remedy = "It stays in the mirror, marked as missing; the next sync looks again.".to_owned();
        let issue = self.run.issue(target_of(absent.kind), "unconfirmed", what, remedy);
        self.run.note_issue(SyncIssue { object: Some(absent.id), ..issue });
    }

    /// Adds what goes with an object: panels delete it in the same breath.
    async fn with_children(&self, gone: BTreeSet<Absent>) -> Result<BTreeSet<Absent>, Halt> {
        let panel = self.run.panel.id;
        let all = self
            .run
            .inner
            .store
            .read(move |tx| {
                let mut known: HashSet<_> = gone.iter().map(|absent| (absent.kind, absent.id)).collect();
                let mut queue: Vec<_> = gone.iter().copied().collect();
                let mut all = gone;
                while let Some(parent) = queue.pop() {
                    for kind in children_of(parent.kind) {
                        let ids = match kind {
                            Kind::Allocation => held::allocations(tx, panel, parent.id)?,
                            _ => held::children(tx, panel, (parent.kind, parent.id), *kind)?,
                        };
                        for id in ids.into_iter().filter(|id| known.insert((*kind, *id))) {
                            let child = Absent { kind: *kind, id, parent: Some(parent.id) };
                            queue.push(child);
                            all.insert(child);
                        }
                    }
                }
                Ok(all)
            })
            .await?;
        Ok(all)
    }
}

async fn at_once<F: Future>(requests: Vec<F>) -> Vec<F::Output> {
    stream::iter(requests).buffer_unordered(AT_ONCE).collect().await
}

fn children_of(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::Node => &[Kind::Allocation],
        Kind::Nest => &[Kind::Egg],
        Kind::Egg => &[Kind::EggVariable],
        Kind::Server => &[Kind::Database, Kind::Subuser],
        Kind::User => &[Kind::Subuser],
        _ => &[],
    }
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
