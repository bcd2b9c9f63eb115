//! What may be removed, and when a person must decide. A sync in which anything failed removes nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use aviary_kernel::base::Result;
use aviary_kernel::model::{Kind, Missing, ObjectKey, PanelId, RemoteId, Removal, RemovalState, RemovalStop, SyncId};
use aviary_kernel::store::rows::Change;
use aviary_kernel::store::tables::{MISSING, REMOVAL_STOPS};
use aviary_kernel::store::{Read, Span, WriteTx};

use super::run::{Absent, Halt, target_of};
use super::service::Limits;
use super::steps::Steps;
use crate::feed;
use crate::mirror::PanelCounts;

/// Children before parents, so that a crash in between leaves nothing without its parent.
const ORDER: [Kind; 10] = [
    Kind::Subuser,
    Kind::Database,
    Kind::Server,
    Kind::User,
    Kind::EggVariable,
    Kind::Egg,
    Kind::Nest,
    Kind::Allocation,
    Kind::Node,
    Kind::Location,
];

type Object = (Kind, RemoteId);

impl Steps<'_> {
    /// What was marked as missing before this run.
    pub(super) async fn marks(&self) -> Result<HashSet<Object>, Halt> {
        let panel = self.run.panel.id;
        let marks = self.run.inner.store.read(move |tx| tx.all(MISSING, &Span::prefix(&panel))).await?;
        Ok(marks.into_iter().map(|(key, _)| (key.kind, key.id)).collect())
    }

    /// Removes what is gone for sure, within the limits. Whether a person must decide.
    pub(super) async fn prune(&mut self) -> Result<bool, Halt> {
        if self.run.has_failed() {
            let absent = self.absent.iter().map(|absent| (absent.kind, absent.id)).collect();
            self.mark(absent).await?;
            return Ok(false);
        }
        let gone = self.confirmed().await?;
        let gone: BTreeMap<Kind, BTreeSet<RemoteId>> = grouped(&gone);
        let still_absent: HashSet<Object> = self.absent.iter().map(|absent| (absent.kind, absent.id)).collect();
        if self.run.is_cancelled() {
            return Err(Halt::Cancelled);
        }
        let verdict = self.verdict(&gone).await?;
        match verdict {
            Verdict::Free | Verdict::Agreed(_) => {
                let agreed = if let Verdict::Agreed(stop) = verdict { Some(stop) } else { None };
                self.remove(&gone).await?;
                let removed = |(kind, id): &Object| gone.get(kind).is_some_and(|ids| ids.contains(id));
                self.mark(still_absent.into_iter().filter(|object| !removed(object)).collect()).await?;
                self.settle_stops(agreed).await?;
                Ok(false)
            }
            Verdict::Refused => {
                self.mark_with(still_absent, &gone).await?;
                self.note_refused(&gone);
                Ok(false)
            }
            Verdict::Ask(removals) => {
                self.mark_with(still_absent, &gone).await?;
                self.ask(removals).await?;
                Ok(true)
            }
        }
    }

    async fn verdict(&self, gone: &BTreeMap<Kind, BTreeSet<RemoteId>>) -> Result<Verdict, Halt> {
        let panel = self.run.panel.id;
        let (held, stops) =
            self.run.inner.store.read(move |tx| Ok((PanelCounts::of(tx, panel)?, stops_of(tx, panel)?))).await?;
        let limits = self.run.inner.limits;
        let mut removals: Vec<_> = gone.iter().map(|(kind, ids)| removal(*kind, ids, &held, limits)).collect();
        if !removals.iter().any(|removal| removal.over_limit) {
            return Ok(Verdict::Free);
        }
        let covers = |state: RemovalState| {
            stops.iter().find(|stop| stop.state == state && covers(stop, &removals)).map(|stop| stop.sync)
        };
        if let Some(stop) = covers(RemovalState::Confirmed) {
            return Ok(Verdict::Agreed(stop));
        }
        if covers(RemovalState::Refused).is_some() {
            return Ok(Verdict::Refused);
        }
        removals.sort_by_key(|removal| !removal.over_limit);
        Ok(Verdict::Ask(removals))
    }

    async fn remove(&self, gone: &BTreeMap<Kind, BTreeSet<RemoteId>>) -> Result<(), Halt> {
        for kind in ORDER {
            let Some(ids) = gone.get(&kind) else { continue };
            let removed = self.writer.remove(kind, ids.iter().copied().collect()).await?;
            self.run.count_removed(kind, removed);
        }
        Ok(())
    }

    async fn mark_with(
        &self,
        mut absent: HashSet<Object>,
        gone: &BTreeMap<Kind, BTreeSet<RemoteId>>,
    ) -> Result<(), Halt> {
        absent.extend(gone.iter().flat_map(|(kind, ids)| ids.iter().map(|id| (*kind, *id))));
        self.mark(absent).await
    }

    /// Marks what is missing but stays, and takes the marks off what is back.
    async fn mark(&self, missing: HashSet<Object>) -> Result<(), Halt> {
        let (panel, sync, since) = (self.run.panel.id, self.run.sync_id(), self.run.inner.env.now());
        let back = self.back.clone();
        if missing.is_empty() && back.is_empty() {
            return Ok(());
        }
        let key = move |(kind, id): Object| ObjectKey { panel, kind, id };
        self.run
            .inner
            .store
            .write(move |tx| {
                for object in back {
                    tx.remove(MISSING, &key(object))?;
                }
                for object in missing.into_iter().map(key) {
                    if tx.get(MISSING, &object)?.is_none() {
                        tx.put(MISSING, &object, &Missing { object, since, sync })?;
                    }
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    async fn ask(&self, removals: Vec<Removal>) -> Result<(), Halt> {
        let (panel, sync, at) = (self.run.panel.id, self.run.sync_id(), self.run.inner.env.now());
        let env = self.run.inner.env.clone();
        for removal in removals.iter().filter(|removal| removal.over_limit) {
            let what = format!(
                "{} of {} {} would be removed, more than the limit of {} %",
                removal.ids.len(),
                removal.held,
                removal.kind.plural().replace('-', " "),
                self.run.inner.limits.percent
            );
            let remedy = "Look at the panel. If they are really gone, confirm the removal; if not, refuse it. Until then nothing is removed.";
            self.run.note_issue(self.run.issue(target_of(removal.kind), "mass_removal", what, remedy.into()));
        }
        let stop = RemovalStop { sync, panel, at, removals, state: RemovalState::Waiting, decided: None };
        self.run
            .inner
            .store
            .write(move |tx| {
                outdate(tx, panel)?;
                tx.put(REMOVAL_STOPS, &sync, &stop)?;
                feed::append(tx, &env, Change::RemovalStop(sync)).map(drop)
            })
            .await?;
        Ok(())
    }

    fn note_refused(&self, gone: &BTreeMap<Kind, BTreeSet<RemoteId>>) {
        for (kind, ids) in gone {
            let what = format!(
                "{} {} are gone from the panel; a person refused to remove them here",
                ids.len(),
                kind.plural().replace('-', " ")
            );
            let remedy =
                "They stay, marked as missing. To remove them after all, confirm the removal that was refused.";
            self.run.note_issue(self.run.issue(target_of(*kind), "removal_refused", what, remedy.into()));
        }
    }

    /// After a sync that removed what it should: an agreed stop is done, one that waits has nothing left to ask.
    async fn settle_stops(&self, agreed: Option<SyncId>) -> Result<(), Halt> {
        // A partial sync says nothing about what it did not read.
        if agreed.is_none() && !self.run.is_full() {
            return Ok(());
        }
        let panel = self.run.panel.id;
        let stops = self.run.inner.store.read(move |tx| stops_of(tx, panel)).await?;
        if !stops.iter().any(|stop| matches!(stop.state, RemovalState::Waiting | RemovalState::Confirmed)) {
            return Ok(());
        }
        self.run
            .inner
            .store
            .write(move |tx| {
                if let Some(sync) = agreed {
                    set_state(tx, sync, RemovalState::Done)?;
                }
                outdate(tx, panel)
            })
            .await?;
        Ok(())
    }
}

/// What is to be done with what is gone.
enum Verdict {
    /// It is within the limits.
    Free,
    /// A person agreed to it in this stop.
    Agreed(SyncId),
    /// A person refused it.
    Refused,
    /// A person must decide.
    Ask(Vec<Removal>),
}

fn grouped(gone: &BTreeSet<Absent>) -> BTreeMap<Kind, BTreeSet<RemoteId>> {
    let mut groups: BTreeMap<Kind, BTreeSet<RemoteId>> = BTreeMap::new();
    for absent in gone {
        groups.entry(absent.kind).or_default().insert(absent.id);
    }
    groups
}

fn removal(kind: Kind, ids: &BTreeSet<RemoteId>, held: &PanelCounts, limits: Limits) -> Removal {
    let held = held.of_kind(kind);
    let over_limit = is_over(ids.len() as u64, held, limits);
    Removal { kind, held, ids: ids.iter().copied().collect(), over_limit }
}

fn is_over(gone: u64, held: u64, limits: Limits) -> bool {
    gone >= limits.rows.max(1) && gone * 100 > held * u64::from(limits.percent)
}

/// Whether a decided stop speaks of everything over the limit now.
fn covers(stop: &RemovalStop, removals: &[Removal]) -> bool {
    removals.iter().filter(|removal| removal.over_limit).all(|now| {
        let then = stop.removals.iter().find(|then| then.kind == now.kind);
        then.is_some_and(|then| now.ids.iter().all(|id| then.ids.binary_search(id).is_ok()))
    })
}

fn stops_of(reader: &impl Read, panel: PanelId) -> Result<Vec<RemovalStop>> {
    let stops = reader.all(REMOVAL_STOPS, &Span::all())?;
    Ok(stops.into_iter().map(|(_, stop)| stop).filter(|stop| stop.panel == panel).collect())
}

fn set_state(tx: &mut WriteTx<'_>, sync: SyncId, state: RemovalState) -> Result<()> {
    if let Some(stop) = tx.get(REMOVAL_STOPS, &sync)? {
        tx.put(REMOVAL_STOPS, &sync, &RemovalStop { state, ..stop })?;
    }
    Ok(())
}

/// Stops of a panel that still wait or were agreed but not used are of the past.
fn outdate(tx: &mut WriteTx<'_>, panel: PanelId) -> Result<()> {
    for stop in stops_of(tx, panel)? {
        if matches!(stop.state, RemovalState::Waiting | RemovalState::Confirmed) {
            set_state(tx, stop.sync, RemovalState::Outdated)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Limits = Limits { percent: 20, rows: 10 };

    #[test]
    fn few_rows_or_a_small_share_need_nobody() {
        assert!(!is_over(9, 9, USUAL), "fewer than ten rows");
        assert!(!is_over(20, 100, USUAL), "exactly the share");
        assert!(is_over(21, 100, USUAL));
        assert!(is_over(10, 10, USUAL));
    }
}
